"""The file that holds the vault's password."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from opsctl.clients.files import write_atomically
from opsctl.errors import Exit, OpsError

VARIABLE = "OPSCTL_VAULT_PASSWORD_FILE"
_LONGEST = 4096  # bytes


@dataclass(frozen=True, slots=True)
class PasswordFile:
    """The first that is named of: the variable's, the spec's, one of opsctl's own below ~/.config
    (or $XDG_CONFIG_HOME).

    Its content less surrounding white space is the password, as ansible-vault reads it.
    """

    environment: str
    named: Path | None = None  # by $OPSCTL_VAULT_PASSWORD_FILE
    configured: Path | None = None  # by the spec's secrets.password_file
    home: Path | None = None

    @property
    def path(self) -> Path:
        known = None if self.home else os.environ.get("XDG_CONFIG_HOME")
        folder = Path(known) if known else (self.home or Path.home()) / ".config"
        own = folder / "opsctl" / f"{self.environment}.vault-password"
        return self.named or self.configured or own

    def read(self) -> bytes | None:
        """The password; None when the file is not there.

        Raises OpsError: secrets/password-open (others may read it), secrets/password-file (named by
        the variable and not there, unreadable, empty, a program).
        """
        try:
            with self.path.open("rb") as file:
                self._check_mode(os.fstat(file.fileno()).st_mode)
                password = file.read(_LONGEST).strip()
        except FileNotFoundError:
            if self.named is None:
                return None
            raise self._refusal(f"${VARIABLE} names a file that is not there") from None
        except OSError as error:
            raise self._refusal(f"can't be read: {error.strerror}") from None
        if not password:
            raise self._refusal("the password file is empty")
        return password

    def read_or_make(self) -> bytes:
        """As `read`; a file that is not there is made, 0600, with a new password."""
        password = self.read()
        if password is not None:
            return password
        made = secrets.token_urlsafe(32).encode()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self.path, made + b"\n", 0o600, replace=False)
        except FileExistsError:  # made by somebody else just now
            return self.read() or made
        except OSError as error:
            raise self._refusal(f"can't be written: {error.strerror}") from None
        return made

    def _check_mode(self, mode: int) -> None:
        if mode & 0o077:
            raise OpsError(
                "secrets/password-open",
                f"others may read the password file (mode {stat.S_IMODE(mode):04o})",
                where=str(self.path),
                hint=f"chmod 600 {self.path}",
                exit=Exit.REFUSED,
            )
        if mode & 0o100:
            raise self._refusal(
                "the password file is a program; opsctl reads a text and runs nothing",
                f"chmod 600 {self.path}, or use secrets.backend: {{exec: [...]}} for a program",
            )

    def _refusal(self, message: str, hint: str = "") -> OpsError:
        return OpsError(
            "secrets/password-file",
            message,
            where=str(self.path),
            hint=hint or f"a text file of mode 0600 with the password; ${VARIABLE} may name it",
            exit=Exit.REFUSED,
        )
