"""The manifest: what opsctl put on this host for one environment, and who sits here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from . import places
from .shell import RefusedError


class Manifest:
    """Read once; `save` writes it whole, owned by root, mode 0600.

    `where` is what the spec calls this host now ("dc/n1"), and `others` are its other hosts, and
    its other targets: what is noted under neither was noted under a name that is gone, and is this
    host's own.
    """

    def __init__(self, name: str, id: str, where: str = "", others: Iterable[str] = ()):
        self.name, self.id = name, id
        self.path = places.state(name, "manifest.json")
        read = places.read_json(self.path)
        self.found: dict[str, Any] = read or {}
        self.resources: dict[str, dict[str, Any]] = dict(self.found.get("resources", {}))
        self.seats: dict[str, dict[str, Any]] = dict(self.found.get("seats", {}))
        self.renamed = bool(where) and self._rename(where, {*others})

    def _rename(self, where: str, others: set[str]) -> bool:
        """Enters everything under the host's name of now; whether that changed anything."""
        host = where.partition("/")[2]
        named: dict[str, dict[str, Any]] = {}
        for key, entry in self.resources.items():
            kind, at, name = key.split("|", 2)
            if at == where or {at, at.partition("/")[0]} & others:
                named[key] = {**named.get(key, {}), **entry}
                continue
            own = f"{kind}|{where}|{name}"
            named[own] = {**entry, **named.get(own, {})}
            if entry["member"] in self.seats:
                self.seats[entry["member"]] = {**self.seats[entry["member"]], "node": host}
        changed = named.keys() != self.resources.keys()
        self.resources = named
        return changed

    @property
    def stranger(self) -> dict[str, str] | None:
        """The environment that this name belongs to here, when it is another one."""
        bound: dict[str, str] = self.found.get("environment", {})
        return bound if bound and bound.get("id") != self.id else None

    def check(self) -> None:
        """Raises hosts/other-environment."""
        if self.stranger:
            other = self.stranger.get("id")
            raise RefusedError(
                "hosts/other-environment",
                f"environment {self.name} here has the id {other!r}, the spec's is {self.id!r}",
                "give your environment another name, or the id that it had",
            )

    def entry(self, kind: str, name: str) -> dict[str, Any]:
        """What is noted of one thing; empty when it is not ours."""
        for key, entry in self.resources.items():
            if kind_and_name(key) == (kind, name):
                return entry
        return {}

    def noted_at(self, kind: str, name: str) -> str:
        """The name of this host under which a thing is noted; "" when it is not ours."""
        of = (key.split("|")[1] for key in self.resources if kind_and_name(key) == (kind, name))
        return next(of, "")

    def add(self, items: Iterable[Mapping[str, Any]], turn: int = 0) -> bool:
        """Enter things about to be made; whether the manifest changed. `turn` is the lock's token:
        of two hosts that have a seat for one member, the newer one tells where it sits."""
        before = (dict(self.resources), dict(self.seats))
        for item in items:
            entry = {name: item[name] for name in ("service", "member", "loss", "protected")}
            known = self.resources.get(item["key"], {})
            notes = ("ours", "before")
            kept: dict[str, Any] = {note: known[note] for note in notes if note in known}
            self.resources[item["key"]] = {**entry, **kept}
            if item.get("seat"):
                newest = max(turn, self.seats.get(item["member"], {}).get("turn", 0))
                self.seats[item["member"]] = {**item["seat"], "turn": newest}
        return self.renamed or before != (self.resources, self.seats)

    def drop(self, key: str) -> dict[str, Any]:
        """Forget a thing; a member of which only data is left sits here no more: gives the seat
        that it leaves with this, else nothing."""
        entry = self.resources.pop(key, None)
        if entry and not any(
            other["member"] == entry["member"] and not other.get("loss")
            for other in self.resources.values()
        ):
            return self.seats.pop(entry["member"], {})
        return {}

    def save(self) -> None:
        places.make_folder(os.path.dirname(self.path))
        places.write_json(
            self.path,
            {
                "environment": {"name": self.name, "id": self.id},
                "resources": self.resources,
                "seats": self.seats,
            },
        )

    def elsewhere(self) -> set[tuple[str, str]]:
        """(kind, name) of what other environments of this host own too."""
        found = set()
        for name in environments():
            if name != self.name:
                other = places.read_json(places.state(name, "manifest.json")) or {}
                found |= {kind_and_name(key) for key in other.get("resources", {})}
        return found


def kind_and_name(key: str) -> tuple[str, str]:
    """Of a saved key, less its middle: another environment may call the host otherwise."""
    kind, _, name = key.split("|", 2)
    return kind, name


def environments() -> list[str]:
    """Names of the environments that have a manifest on this host."""
    try:
        names = sorted(os.listdir(places.below(places.STATE)))
    except FileNotFoundError:
        return []
    return [name for name in names if os.path.exists(places.state(name, "manifest.json"))]


def namesake(id: str, name: str) -> str:
    """The other name under which this environment's id is bound here, or ""."""
    for other in environments():
        if other != name:
            found = places.read_json(places.state(other, "manifest.json")) or {}
            if found.get("environment", {}).get("id") == id:
                return other
    return ""
