"""Where secret values come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from opsctl.workload import CertRef, SecretRef


@dataclass(frozen=True, slots=True)
class Certified:
    """What a certificate says. Times are seconds since the epoch; `left`: seconds until it ends.
    `ours`: the authority that issues for this environment now signed it. `uses`: what it may be
    shown for, by object identifier."""

    names: tuple[str, ...]
    issuer: str
    begins: float
    ends: float
    left: float
    ours: bool
    uses: frozenset[str]


class Secrets(Protocol):
    """Values of secrets, and the key that fingerprints are made with.

    Without the root key `key` is None, and so is every derived value.
    """

    @property
    def key(self) -> bytes | None:
        """The HMAC key of fingerprints: derived from the root key, never the root key itself."""
        ...

    def value(self, ref: SecretRef) -> str | None:
        """The value in the form that `ref` asks for; None when it can't be known here."""
        ...

    def certificate(self, ref: CertRef) -> str | None:
        """What the authority gives out for `ref`, whose names are known; None without the root
        key. The same at every call of one opsctl, and until the certificate is to be renewed."""
        ...

    def certified(self, pem: str) -> Certified | None:
        """What a certificate says; None for what is none."""
        ...
