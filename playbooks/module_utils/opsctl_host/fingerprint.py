"""What stands for a content: an HMAC of its SHA-256, so that a secret can't be guessed from it.

targets/hosts/fingerprints.py has the same arithmetic; a test compares the two.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

LENGTH = 24  # hexadecimal digits, 96 bits


def of_digest(key: bytes, digest: bytes) -> str:
    """The fingerprint of the content that has this SHA-256."""
    return hmac.new(key, digest, "sha256").hexdigest()[:LENGTH]


def of_content(key: bytes, content: bytes) -> str:
    return of_digest(key, hashlib.sha256(content).digest())


def of_parts(parts: Mapping[str, str]) -> str:
    """One fingerprint for several named ones: what a process was started with."""
    text = "".join(f"{name}={parts[name]}\n" for name in sorted(parts))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
