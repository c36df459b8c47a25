"""Where secret values come from."""

from __future__ import annotations

from typing import Protocol

from opsctl.workload import SecretRef


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
