"""Fingerprints: plain digests, and keyed ones for whatever holds a secret."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable

from opsctl.ports.secrets import Secrets
from opsctl.targets.kubernetes.site import Site
from opsctl.workload import AddressRef, FileRef, SecretRef, Text


def digest(value: object) -> str:
    """The same for equal values, in whatever order keys were given."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def keyed(site: Site, texts: Iterable[Text], secrets: Secrets) -> str | None:
    """The HMAC of the texts with their secrets; None while a value can't be known here."""
    if secrets.key is None:
        return None
    mac = hmac.new(secrets.key, digestmod=hashlib.sha256)
    for text in texts:
        filled = fill(site, text, secrets)
        if filled is None:
            return None
        mac.update(hashlib.sha256(filled.encode()).digest())
    return mac.hexdigest()


def fill(site: Site, text: Text, secrets: Secrets) -> str | None:
    """The text as the Secret holds it; None while one of its values can't be known here."""
    values = {ref: secrets.value(ref) for ref in text.secrets}
    if None in values.values():
        return None

    def value(part: SecretRef | AddressRef | FileRef) -> str:
        return values.get(part) or "" if isinstance(part, SecretRef) else site.known(part)

    return text.fill(value)
