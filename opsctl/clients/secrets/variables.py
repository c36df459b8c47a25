"""The store `env`: environment variables, as pipelines hand secrets over."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Self

from opsctl.clients.secrets.store import ROOT_KEY, Store, read_only
from opsctl.errors import Exit, OpsError

ROOT_VARIABLE = "OPSCTL_ROOT_KEY"
_PREFIX = "OPSCTL_SECRET_"


def variable(name: str) -> str:
    """The variable of a secret: upper case, everything but letters and digits as `_`."""
    if name == ROOT_KEY:
        return ROOT_VARIABLE
    return _PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


class Variables:
    """OPSCTL_ROOT_KEY and OPSCTL_SECRET_*, taken out of an environment."""

    where = "the environment variables"
    locked = ""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name: value for name, value in values.items() if _ours(name) and value}

    def __repr__(self) -> str:
        return f"Variables({', '.join(sorted(self._values))})"

    @classmethod
    def take(cls, environ: MutableMapping[str, str]) -> Self:
        """Moves the variables out of `environ`, so that no child process inherits them."""
        return cls({name: environ.pop(name) for name in list(environ) if _ours(name)})

    def get(self, name: str) -> str | None:
        return self._values.get(variable(name))

    def names(self) -> tuple[str, ...]:
        """As far as variables tell: `OPSCTL_SECRET_GRAFANA_TOKEN` is shown as `grafana-token`."""
        given = (name.removeprefix(_PREFIX) for name in self._values if name != ROOT_VARIABLE)
        root = [ROOT_KEY] if ROOT_VARIABLE in self._values else []
        return tuple(sorted([*root, *(name.lower().replace("_", "-") for name in given)]))

    def put(self, name: str, value: str) -> None:  # noqa: ARG002
        raise read_only(self, self.how_to_add(name))

    def begin(self, root_key: str) -> bool:  # noqa: ARG002
        if self.get(ROOT_KEY):
            raise OpsError(
                "secrets/exists", f"{ROOT_VARIABLE} holds a root key already", where=self.where,
                exit=Exit.REFUSED,
            )  # fmt: skip
        raise read_only(
            self,
            f"keep the output of `openssl rand -base64 32` and hand it over as {ROOT_VARIABLE}",
        )

    def how_to_add(self, name: str) -> str:
        return f"hand it over in the variable {variable(name)}"


class WithVariables:
    """A store, and what it does not hold (or can't open here) from the variables.

    So a fresh clone works with OPSCTL_ROOT_KEY alone, and `init` keeps that very key.
    """

    def __init__(self, store: Store, variables: Variables) -> None:
        self._store = store
        self._variables = variables

    def __repr__(self) -> str:
        return f"WithVariables({self._store!r}, {self._variables!r})"

    @property
    def where(self) -> str:
        return self._store.where

    @property
    def locked(self) -> str:
        return self._store.locked

    def get(self, name: str) -> str | None:
        kept, handed = self._store.get(name), self._variables.get(name)
        if name == ROOT_KEY and kept and handed and kept.strip() != handed.strip():
            raise OpsError(
                "secrets/two-root-keys",
                f"{ROOT_VARIABLE} holds another root key than this",
                where=self.where,
                hint=f"unset {ROOT_VARIABLE}, or move the file away if the variable is right",
                exit=Exit.REFUSED,
            )
        return kept if kept is not None else handed

    def names(self) -> tuple[str, ...]:
        kept = self._store.names()
        known = {variable(name) for name in kept}
        more = (name for name in self._variables.names() if variable(name) not in known)
        return tuple(sorted([*kept, *more]))

    def put(self, name: str, value: str) -> None:
        self._store.put(name, value)

    def begin(self, root_key: str) -> bool:
        handed = self._variables.get(ROOT_KEY)
        self._store.begin(handed.strip() if handed else root_key)
        return handed is None

    def how_to_add(self, name: str) -> str:
        return f"{self._store.how_to_add(name)}, or {self._variables.how_to_add(name)}"


def _ours(name: str) -> bool:
    return name == ROOT_VARIABLE or name.startswith(_PREFIX)
