"""The secrets of an environment, for use cases and for the `secrets` commands."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl import __version__
from opsctl.errors import Exit, OpsError
from opsctl.wiring.places import folder_of

if TYPE_CHECKING:
    from opsctl.clients.lockfile import LockFile
    from opsctl.clients.secrets import EnvironmentSecrets, KnownSecret, Masker, Variables
    from opsctl.model import Environment
    from opsctl.workload import SecretRef

_opened: list[EnvironmentSecrets] = []


@cache
def _variables() -> Variables:
    """Taken out of this process's environment once, so that no child inherits them."""
    from opsctl.clients.secrets import Variables

    return Variables.take(os.environ)


def open_secrets(spec: Environment, folder: Path, lock: LockFile) -> EnvironmentSecrets:
    """The secrets of the environment; nothing is read before a value is asked for."""
    from opsctl.clients.secrets import open_secrets as open_

    secrets = open_(spec, folder, lock.generations, _variables())
    _opened.append(secrets)
    return secrets


def vault_password(spec: Environment) -> str | None:
    """The password that the environment's encrypted file has; None where there is none."""
    from opsctl.clients.secrets.password import VARIABLE, PasswordFile

    said = spec.secrets.password_file
    configured = spec.beside(("secrets", "password_file"), said) if said else None
    named = os.environ.get(VARIABLE)
    password = PasswordFile(spec.id, Path(named).expanduser() if named else None, configured)
    read = password.read()
    return read.decode() if isinstance(read, bytes) else read


def masker() -> Callable[[str], str]:
    """Masks every secret that this process has opened, in a text that is about to be kept."""
    masks: list[Masker] = [secrets.masker() for secrets in _opened]

    def mask(text: str) -> str:
        for one in masks:
            text = one(text)
        return text

    return mask


@dataclass(frozen=True)
class SecretsDoor:
    """What the `secrets` commands do; derived names and opsctl.lock are its business."""

    files: tuple[Path, ...]
    sets: tuple[str, ...]

    @cached_property
    def _spec(self) -> Environment:
        from opsctl.discovery import option_models
        from opsctl.model import load

        return load(self.files, self.sets, engines=option_models())

    @cached_property
    def _secrets(self) -> EnvironmentSecrets:
        from opsctl.clients.lockfile import LockFile

        _, lock = LockFile.of(self._spec.id, folder_of(self.files))
        return open_secrets(self._spec, folder_of(self.files), lock)

    @cached_property
    def _derived(self) -> frozenset[str]:
        from opsctl.flow.survey import described
        from opsctl.wiring.spec import parts

        workloads, _ = described(parts(self.files, self.sets))
        found: set[SecretRef] = set()
        for _, workload in workloads.values():
            found |= set(workload.secrets())
        return frozenset(ref.name for ref in found if not ref.given)

    def authority(self) -> str:
        """The certificates of the authorities that are trusted now, PEM. Raises
        secrets/no-root-key."""
        from opsctl.workload import CertRef

        self._secrets.require_key()
        return self._secrets.certificate(CertRef()) or ""

    def client(self, name: str) -> str:
        """A client's certificate and its key, in PEM. Raises secrets/no-root-key, cert/bad-name."""
        from opsctl.workload import CertRef, SecretRef

        if not name or not name.isascii():
            raise OpsError(
                "cert/bad-name", f'"{name}" is no name that a certificate can hold',
                hint="ASCII letters and digits, such as prometheus", exit=Exit.INPUT,
            )  # fmt: skip
        self._secrets.require_key()
        secret = f"client/{name}"
        proof = self._secrets.certificate(CertRef(secret, "certificate", (name,), "client"))
        key = self._secrets.value(SecretRef(secret, "key"))
        return f"{proof or ''}{key or ''}"

    def init(self) -> bool:
        """Makes the root key. False: it kept the one that OPSCTL_ROOT_KEY held."""
        return self._secrets.init()

    def names(self) -> tuple[KnownSecret, ...]:
        return self._secrets.names(self._derived)

    def show(self, name: str) -> str:
        """Which names are derived only hosts that are there can tell; the root key needs none."""
        from opsctl.clients.secrets import ROOT_KEY

        return self._secrets.show(name, () if name == ROOT_KEY else self._derived)

    def set(self, name: str, value: str) -> None:
        self._secrets.set(name, value)

    def rotate(self, name: str) -> int:
        """The new generation, written to opsctl.lock; it reaches the servers with an apply."""
        from opsctl.clients.lockfile import LockFile

        generation = self._secrets.rotate(name, self._derived)
        path, lock = LockFile.of(self._spec.id, folder_of(self.files))
        lock.merged(__version__, generations={name: generation}).save(path)
        return generation


def secrets(files: Sequence[Path], sets: Sequence[str] = ()) -> SecretsDoor:
    """The door to the secrets of the spec in `files`."""
    return SecretsDoor(tuple(files), tuple(sets))
