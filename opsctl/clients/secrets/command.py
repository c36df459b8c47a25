"""The store `exec`: a command that prints a secret (sops, vault, pass, a script)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from opsctl.clients.secrets.store import ROOT_KEY, read_only
from opsctl.clients.secrets.variables import Variables
from opsctl.errors import OpsError

TIMEOUT = 30.0  # seconds for one secret: a vault behind a slow VPN, not a person who types


class Command:
    """Runs the command with the secret's name as last argument; its output is the value.

    Without a shell, in the spec's folder, each name once. One newline at the end is not part of
    the value. No output means that there is no such secret.
    """

    locked = ""

    def __init__(self, argv: tuple[str, ...], folder: Path, timeout: float = TIMEOUT) -> None:
        self._argv = argv
        self._folder = folder
        self._timeout = timeout
        self._known: dict[str, str | None] = {}

    def __repr__(self) -> str:
        return f"Command({self._argv!r})"

    @property
    def where(self) -> str:
        return f"the command {' '.join(self._argv)}"

    def get(self, name: str) -> str | None:
        """As Store.get. Raises OpsError: secrets/exec-failed, secrets/exec-timeout."""
        if name not in self._known:
            self._known[name] = self._run(name)
        return self._known[name]

    def names(self) -> tuple[str, ...]:
        return ()

    def put(self, name: str, value: str) -> None:  # noqa: ARG002
        raise read_only(self, f"add it where the command finds it, by the name {name}")

    def begin(self, root_key: str) -> bool:  # noqa: ARG002
        raise read_only(
            self,
            f"keep the output of `openssl rand -base64 32` where the command finds it, "
            f"by the name {ROOT_KEY}",
        )

    def how_to_add(self, name: str) -> str:
        return f"`{' '.join((*self._argv, name))}` printed nothing; add it there"

    def _run(self, name: str) -> str | None:
        failure = None
        environment = dict(os.environ)
        Variables.take(environment)  # not for the command's eyes
        try:
            done = subprocess.run(
                (*self._argv, name), cwd=self._folder, env=environment, timeout=self._timeout,
                stdin=subprocess.DEVNULL, capture_output=True, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            failure = self._failure("timeout", name, f"no answer within {self._timeout:g} s")
        except OSError as error:
            failure = self._failure("failed", name, error.strerror or "it can't be run")
        if failure:
            raise failure  # here, so that no exception beneath it holds what was printed
        if done.returncode:
            raise self._failure("failed", name, _end(done.returncode, done.stderr))
        try:
            value = done.stdout.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            value = None
        if value is None:
            raise self._failure("failed", name, "what it printed is not UTF-8 text")
        return value or None

    def _failure(self, what: str, name: str, message: str) -> OpsError:
        return OpsError(
            f"secrets/exec-{what}",
            f"the secret {name} could not be had: {message}",
            where=self.where,
            hint=f"try it by hand: cd {self._folder} && {' '.join((*self._argv, name))} >/dev/null",
        )


def _end(code: int, errors: bytes) -> str:
    """How it ended, and the last line of its standard error, as plain text."""
    lines = errors.decode(errors="replace").strip().splitlines()
    said = "".join(character for character in lines[-1] if character.isprintable()) if lines else ""
    ended = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
    return f"{said[:200]} ({ended})" if said else f"{ended}, and it said nothing"
