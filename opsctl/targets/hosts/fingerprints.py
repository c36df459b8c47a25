"""Fingerprints as the hosts compute them (playbooks/module_utils/opsctl_host/fingerprint.py)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

LENGTH = 24  # hexadecimal digits, 96 bits
OPEN = b""  # the key for content without secrets


def of_content(key: bytes, content: bytes) -> str:
    """An HMAC of the content's SHA-256, so that a host can make it from a digest it recorded."""
    return hmac.new(key, hashlib.sha256(content).digest(), "sha256").hexdigest()[:LENGTH]


def of_parts(parts: Mapping[str, str]) -> str:
    """One fingerprint for several named ones."""
    text = "".join(f"{name}={parts[name]}\n" for name in sorted(parts))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
