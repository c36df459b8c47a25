"""The store `file`: an encrypted file beside the spec, fit for version control."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opsctl.clients import vault
from opsctl.clients.files import write_atomically
from opsctl.clients.secrets import content
from opsctl.clients.secrets.password import VARIABLE, PasswordFile
from opsctl.clients.secrets.store import ROOT_KEY
from opsctl.errors import Exit, OpsError

DEFAULT_NAME = "opsctl.secrets.yml"


class EncryptedFile:
    """Names and values in the ansible-vault format; opened once, when first asked.

    Locked (everything is None) where the file is there and its password is not.
    """

    def __init__(self, path: Path, password: PasswordFile) -> None:
        self._path = path
        self._password = password
        self._opened: dict[str, str] | None = None

    def __repr__(self) -> str:
        return f"EncryptedFile({str(self._path)!r})"

    @property
    def where(self) -> str:
        return str(self._path)

    @property
    def locked(self) -> str:
        if not self._path.exists() or self._password.read() is not None:
            return ""
        return (
            f"its password is not here: put it into {self._password.path} (mode 0600), "
            f"or let ${VARIABLE} name its file"
        )

    def get(self, name: str) -> str | None:
        return self._values().get(name)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._values()))

    def put(self, name: str, value: str) -> None:
        with self._alone():
            password = self._password.read()
            if password is None:
                raise OpsError(
                    "secrets/no-password",
                    "there is no password to encrypt with",
                    where=self.where,
                    hint=self.locked or "`opsctl secrets init` makes it, with the root key",
                    exit=Exit.REFUSED,
                )
            self._write({**self._read(password), name: value}, password)

    def begin(self, root_key: str) -> bool:
        with self._alone():
            if self.locked:
                raise self._exists("a file of secrets is already here, but it can't be opened")
            password = self._password.read_or_make()
            values = self._read(password)
            if ROOT_KEY in values:
                raise self._exists("there is a root key already; another would change every secret")
            self._write({**values, ROOT_KEY: root_key}, password)
        return True

    def how_to_add(self, name: str) -> str:
        return f"opsctl secrets set {name} (it asks for the value, or reads it from a pipe)"

    def _values(self) -> dict[str, str]:
        if self._opened is None:
            password = self._password.read() if self._path.exists() else None
            self._opened = {} if password is None else self._read(password)
        return self._opened

    def _read(self, password: bytes) -> dict[str, str]:
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._failure("secrets/unreadable", "read", error) from None
        try:
            return content.read(vault.decrypt(text, password, self.where), self.where)
        except OpsError as error:
            if error.code == "secrets/wrong-password":
                error.hint = f"the password was read from {self._password.path}"
            raise

    def _write(self, values: dict[str, str], password: bytes) -> None:
        sealed = vault.encrypt(content.write(values), password)
        try:
            write_atomically(self._path, sealed.encode(), 0o600)
        except OSError as error:
            raise self._failure("secrets/unwritable", "written", error) from None
        self._opened = values

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile; the lock is the folder's, and ends with us."""
        try:
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise self._failure("secrets/unwritable", "written", error) from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _exists(self, message: str) -> OpsError:
        hint = self.locked or "`opsctl secrets rotate NAME` changes one secret"
        return OpsError("secrets/exists", message, where=self.where, hint=hint, exit=Exit.REFUSED)

    def _failure(self, code: str, verb: str, error: OSError) -> OpsError:
        return OpsError(
            code, f"the file of secrets can't be {verb}: {error.strerror}", where=self.where,
            hint=f"ls -ld {self._path.parent} {self._path}", exit=Exit.REFUSED,
        )  # fmt: skip
