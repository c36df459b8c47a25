"""Certificates: what a component proves itself with, and whom it believes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from opsctl.workload.files import ConfigFile, Effect
from opsctl.workload.text import AddressRef, CertRef, SecretRef, Text


@dataclass(frozen=True, slots=True)
class Cert:
    """A certificate of the environment's own authority, and the files that it is kept in.

    `name` is the secret that its key comes from; raising its generation makes another key. `names`:
    what others may call the component, DNS names and addresses. `path` is the certificate's, its
    key lies beside it at `path`.key, where HAProxy looks for it; `authority` holds the certificates
    of those that are believed. Renewed certificates have the same key, so one file changes.
    `effect` is what a running process needs to take any of the three in, `believing`, where it is
    said, what it needs for the last.
    """

    name: str
    path: str
    authority: str
    names: tuple[str | AddressRef, ...]
    use: Literal["server", "client", "both"] = "server"
    effect: Effect = "none"
    believing: Effect | None = None

    @property
    def key(self) -> str:
        return f"{self.path}.key"

    @property
    def ref(self) -> CertRef:
        return CertRef(self.name, "certificate", self.names, self.use)

    @property
    def end(self) -> CertRef:
        """When it ends."""
        return CertRef(self.name, "end", self.names, self.use)

    def files(self) -> Iterator[ConfigFile]:
        believed = self.believing or self.effect
        yield ConfigFile(self.authority, Text((CertRef(),)), effect=believed)
        yield ConfigFile(self.key, Text((SecretRef(self.name, "key"),)), effect=self.effect)
        yield ConfigFile(self.path, Text((self.ref,)), effect=self.effect)
