"""What a place that keeps secrets offers, and the names it takes."""

from __future__ import annotations

import re
from typing import Protocol

from opsctl.errors import Exit, OpsError

ROOT_KEY = "root-key"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")  # as the spec has it; never an option


class Store(Protocol):
    """Keeps the root key (by the name "root-key") and the values that people gave."""

    @property
    def where(self) -> str:
        """How errors name it."""
        ...

    @property
    def locked(self) -> str:
        """Why it can't be opened here, in words with the way out; empty when it can."""
        ...

    def get(self, name: str) -> str | None:
        """The value; None when it is not there, or when the store is locked.

        Raises OpsError secrets/...: wrong password, damaged file, failing command, ...
        """
        ...

    def names(self) -> tuple[str, ...]:
        """The names it can tell, sorted, the root key's among them; a command can tell none."""
        ...

    def put(self, name: str, value: str) -> None:
        """Keeps a given value. Raises OpsError: secrets/read-only, secrets/unwritable, ..."""
        ...

    def begin(self, root_key: str) -> bool:
        """Keeps a root key where none is: this one, or (False) one that the person brought.

        Raises OpsError as `put`, and secrets/exists.
        """
        ...

    def how_to_add(self, name: str) -> str:
        """The hint for a value that is missing."""
        ...


def check_name(name: str) -> str:
    """The name of a given value itself. Raises OpsError: secrets/bad-name, secrets/reserved."""
    if not _NAME.fullmatch(name):
        raise OpsError(
            "secrets/bad-name",
            "this is no name of a secret",  # not shown: it may be the secret itself
            hint="at most 100 letters, digits and . _ / -, beginning with a letter or digit",
            exit=Exit.INPUT,
        )
    if name == ROOT_KEY:
        raise OpsError(
            "secrets/reserved",
            f'"{ROOT_KEY}" is the key that the others are derived from; it is no value to hand out',
            hint="`opsctl secrets init` makes it; give your secret another name",
            exit=Exit.INPUT,
        )
    return name


def read_only(store: Store, hint: str) -> OpsError:
    return OpsError(
        "secrets/read-only", "opsctl only reads here", where=store.where, hint=hint,
        exit=Exit.REFUSED,
    )  # fmt: skip
