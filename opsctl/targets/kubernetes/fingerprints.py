"""Fingerprints: plain digests, and keyed ones for whatever holds a secret."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable

from opsctl.ports.secrets import Secrets
from opsctl.targets.kubernetes.site import Site
from opsctl.workload import CertRef, Ref, SecretRef, Text


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
    values = {ref: _value(site, ref, secrets) for ref in text.derived}
    if None in values.values():
        return None

    def value(part: Ref) -> str:
        if isinstance(part, SecretRef | CertRef):
            return values.get(part) or ""
        return site.known(part)

    return text.fill(value)


def _value(site: Site, ref: SecretRef | CertRef, secrets: Secrets) -> str | None:
    if isinstance(ref, CertRef):
        return secrets.certificate(site.called(ref))
    return secrets.value(ref)
