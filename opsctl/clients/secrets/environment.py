"""The secrets of one environment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from time import time
from typing import TYPE_CHECKING

from opsctl.clients.secrets.deriving import fingerprint_key, new_root_key, password, root_bytes
from opsctl.clients.secrets.forms import in_form
from opsctl.clients.secrets.masking import Masker
from opsctl.clients.secrets.store import ROOT_KEY, Store, check_name
from opsctl.errors import Exit, OpsError

if TYPE_CHECKING:
    from opsctl.clients.secrets.issuing import Authority
    from opsctl.ports import Certified
    from opsctl.workload import CertRef, SecretRef


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A line of `opsctl secrets`: never the value. `generation` is 0 for what people gave."""

    name: str
    given: bool
    generation: int = 0


class EnvironmentSecrets:
    """Implements opsctl.ports.Secrets. The store is opened when a value is first asked for.

    `generations` says which generation a derived secret has (absent: 1); opsctl.lock keeps it.
    `clock` gives seconds since the epoch; it is asked once, so that all certificates are of one
    time.
    """

    def __init__(
        self,
        environment: str,
        store: Store,
        generations: Mapping[str, int],
        clock: Callable[[], float] = time,
    ) -> None:
        self._environment = environment
        self._store = store
        self._generations = dict(generations)
        self._known: dict[str, str] = {}  # derived ones: each is asked for again and again
        self._clock = clock
        self._given_out: dict[CertRef, str] = {}

    def __repr__(self) -> str:
        return f"EnvironmentSecrets({self._environment!r}, {self._store!r})"

    def at(self, generations: Mapping[str, int]) -> EnvironmentSecrets:
        """The same secrets in other generations: the old and the new one of a rotation."""
        return EnvironmentSecrets(self._environment, self._store, generations, self._clock)

    @cached_property
    def _root(self) -> bytes | None:
        text = self._store.get(ROOT_KEY)
        return None if text is None else root_bytes(text, self._store.where)

    @cached_property
    def key(self) -> bytes | None:
        """The HMAC key of fingerprints; None without the root key."""
        return None if self._root is None else fingerprint_key(self._root)

    def require_key(self) -> None:
        """For what can't go on without: raises OpsError secrets/no-root-key, with the way out."""
        if self._root is None:
            message = "the secrets can't be opened here" if self._store.locked else "no root key"
            raise OpsError(
                "secrets/no-root-key",
                f"{message}, so no password of this environment can be known",
                where=self._store.where,
                hint=self._store.locked
                or "a new environment: `opsctl secrets init`; else hand its key over in "
                "OPSCTL_ROOT_KEY",
                exit=Exit.REFUSED,
            )

    def value(self, ref: SecretRef) -> str | None:
        """The value in the form that `ref` asks for; None without the root key.

        Raises OpsError: secrets/missing for a given value that is not there, and the store's.
        """
        value = self._given(ref.name) if ref.given else self._derived(ref.name)
        return None if value is None else in_form(value, ref)

    @cached_property
    def _now(self) -> float:
        return self._clock()

    @cached_property
    def _turn(self) -> float:
        from opsctl.clients.secrets.issuing import turn

        return turn(self._environment, self._now)

    @cached_property
    def _authorities(self) -> tuple[Authority, tuple[Authority, ...]]:
        """Who issues, and who is trusted; for who has the root key."""
        from opsctl.clients.secrets.issuing import Authority, authorities
        from opsctl.workload import AUTHORITY

        root = self._root or b""
        issuing, trusted = authorities(self._generation(AUTHORITY))
        known = {one: Authority(root, self._environment, one) for one in trusted}
        return known[issuing], tuple(known.values())

    def certificate(self, ref: CertRef) -> str | None:
        """See opsctl.ports.Secrets."""
        if self._root is None:
            return None
        if ref not in self._given_out:
            self._given_out[ref] = self._issued(ref)
        return self._given_out[ref]

    def _issued(self, ref: CertRef) -> str:
        from opsctl.clients.secrets.issuing import EARLY, LIFE

        issuing, trusted = self._authorities
        if ref.what == "authority":
            return "".join(one.pem for one in trusted)
        if ref.what == "end":
            return f"{int(self._turn) - EARLY + LIFE}"
        names = tuple(str(name) for name in ref.names)
        return issuing.issue(self._derived(ref.name) or "", names, ref.use, self._turn)

    def certified(self, pem: str) -> Certified | None:
        """See opsctl.ports.Secrets."""
        from opsctl.clients.secrets.reading import read

        issuing = self._authorities[0].certificate if self._root is not None else None
        return read(pem, issuing, self._now)

    def show(self, name: str, derived: Collection[str]) -> str:
        """The value of one secret by its name; "root-key" is one.

        `derived` are the names that the environment's workloads use: any other would derive too,
        to a password that opens nothing. Raises OpsError: secrets/unknown, secrets/no-root-key.
        """
        if name in derived:
            self.require_key()
            return self._derived(name) or ""
        value = self._store.get(name if name == ROOT_KEY else check_name(name))
        if value is None:
            raise self._unknown(name, derived)
        return value

    def names(self, derived: Iterable[str] = ()) -> tuple[KnownSecret, ...]:
        """Every secret that can be told, sorted by name."""
        known = {name: KnownSecret(name, given=True) for name in self._store.names()}
        for name in derived:
            known[name] = KnownSecret(name, False, self._generation(name))
        return tuple(known[name] for name in sorted(known))

    def rotate(self, name: str, derived: Collection[str]) -> int:
        """The generation that follows; it counts once the caller has stored it in opsctl.lock.

        Raises OpsError: secrets/given for what is no derived secret, secrets/unknown.
        """
        if name in derived:
            return self._generation(name) + 1
        if name != ROOT_KEY and self._store.get(check_name(name)) is None:
            raise self._unknown(name, derived)
        way = (
            "rotate the secrets that are derived from it, one by one"
            if name == ROOT_KEY
            else self._store.how_to_add(name)
        )
        raise OpsError(
            "secrets/given", f"{name} is not derived, so there is no next one", hint=way,
            where=self._store.where, exit=Exit.REFUSED,
        )  # fmt: skip

    def init(self) -> bool:
        """Makes the root key and keeps it; False: it kept the one that OPSCTL_ROOT_KEY held.

        Raises OpsError: secrets/exists when there is one, secrets/read-only, secrets/unwritable.
        """
        _ = self._root  # a key that was brought must be sound before it is kept
        made = self._store.begin(new_root_key())
        for computed in ("_root", "key"):
            self.__dict__.pop(computed, None)
        self._known.clear()
        return made

    def set(self, name: str, value: str) -> None:
        """Keeps a given value (a caller that reads a pipe takes its last newline off first).

        Raises OpsError: secrets/bad-name, secrets/reserved, secrets/bad-value, and the store's.
        """
        check_name(name)
        if not value or any("\ud800" <= character <= "\udfff" for character in value):
            raise OpsError(
                "secrets/bad-value", "the value is " + ("not UTF-8 text" if value else "empty"),
                where=name, hint="nothing was changed", exit=Exit.INPUT,
            )  # fmt: skip
        self._store.put(name, value)

    def masker(self, refs: Iterable[SecretRef] = ()) -> Masker:
        """Knows the root key, every given value that the store can tell, and those of `refs`."""
        values = {name: self._store.get(name) for name in self._store.names()}
        values[ROOT_KEY] = self._store.get(ROOT_KEY)
        for ref in refs:
            values[ref.name] = self._store.get(ref.name) if ref.given else self._derived(ref.name)
        return Masker({name: value for name, value in values.items() if value})

    def _given(self, name: str) -> str | None:
        value = self._store.get(check_name(name))
        if value is None and self._root is not None:
            raise OpsError(
                "secrets/missing",
                f'there is no secret "{name}"',
                where=self._store.where,
                hint=self._store.locked or self._store.how_to_add(name),
                exit=Exit.REFUSED,
            )
        return value

    def _derived(self, name: str) -> str | None:
        if self._root is None:
            return None
        if name not in self._known:
            generation = self._generation(name)
            self._known[name] = password(self._root, self._environment, name, generation)
        return self._known[name]

    def _generation(self, name: str) -> int:
        return self._generations.get(name, 1)

    def _unknown(self, name: str, derived: Iterable[str]) -> OpsError:
        near = get_close_matches(name, {*derived, *self._store.names()}, 1)
        return OpsError(
            "secrets/unknown",
            f'there is no secret "{name}"',
            where=self._store.where,
            hint=f'did you mean "{near[0]}"?' if near else self._store.locked,
            exit=Exit.INPUT,
        )
