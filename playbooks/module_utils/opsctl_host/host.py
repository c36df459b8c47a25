"""One look's view of the host: read once, shared by all kinds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from . import bus, places, sockets
from .manifest import Manifest
from .shell import RefusedError, run

Item = dict[str, Any]  # kind, name, key, desired, spec; for a change service, member, seat too
UNIT_FACTS = (
    "LoadState", "ActiveState", "SubState", "MainPID", "NeedDaemonReload", "NRestarts", "Result",
    "ExecMainStatus", "ControlGroup",
)  # fmt: skip
RENAMED = "{} is this environment's, from when the spec called this host {}"


class Host:
    """`key` makes fingerprints of secret-holding files; None: those are not compared."""

    def __init__(self, environment: dict[str, Any], key: str | None, options: dict[str, Any]):
        self.environment = environment
        self.key = bytes.fromhex(key) if key is not None else None
        self.options = options
        names = environment.get("where", ""), environment.get("others", ())
        self.manifest = Manifest(environment["name"], environment["id"], *names)
        self._units: dict[str, dict[str, str]] = {}
        self._packages: dict[str, str] = {}
        self._ports: dict[int, dict[str, str]] | None = None

    def owns(self, item: Item) -> bool:
        return item["key"] in self.manifest.resources

    def foreign(self, item: Item, words: str) -> str:
        """Why what is there must not be touched, in `words` when it is not this environment's; ""
        when it is ours."""
        if self.owns(item):
            return ""
        at = self.manifest.noted_at(item["kind"], item["name"])
        return RENAMED.format(item["name"], at) if at else words

    def key_for(self, secret: bool) -> bytes | None:
        return self.key if secret else b""

    def read_units(self, names: Iterable[str]) -> None:
        """Learn the state of units, all in one call; they stay known until `forget`."""
        wanted = [name for name in dict.fromkeys(names) if name not in self._units]
        if not wanted:
            return
        # Needs no "--all": unknown units answer with LoadState=not-found.
        answer = run(["systemctl", "show", "-p", ",".join(UNIT_FACTS), "--", *wanted], timeout=20)
        if answer.exit:
            message = f"systemctl show: {answer.err.strip() or answer.out.strip()}"
            raise RefusedError("hosts/systemd", message, "is systemd running there?")
        for name, block in zip(wanted, answer.out.strip().split("\n\n")):
            facts = (line.partition("=") for line in block.splitlines())
            self._units[name] = {fact: value for fact, _, value in facts}

    def glance(self, names: Iterable[str]) -> None:
        """The same for a look: of each no more than whether it is there, runs and is current."""
        wanted = [name for name in dict.fromkeys(names) if name not in self._units]
        if wanted:
            try:
                self._units.update(zip(wanted, bus.states(wanted)))
            except bus.UnclearError:
                self.read_units(wanted)

    def pid(self, unit: str) -> str:
        """Of its main process; "0" when there is none."""
        if "MainPID" not in self.unit(unit):
            del self._units[unit]
        return self.unit(unit).get("MainPID", "0")

    def unit(self, name: str) -> dict[str, str]:
        self.read_units([name])
        return self._units[name]

    def package(self, name: str) -> str:
        """The installed version, "" when it is not installed (or only half)."""
        if not self._packages:
            self._packages = {"": ""}
            self._status = _read(places.below("/var/lib/dpkg/status"))
        if name not in self._packages:
            self._packages[name] = _installed(self._status, name)
        return self._packages[name]

    @property
    def ports(self) -> dict[int, dict[str, str]]:
        if self._ports is None:
            self._ports = sockets.listening()
        return self._ports

    def forget(self) -> None:
        """After a change: read units, packages and ports anew."""
        self._units, self._packages, self._ports = {}, {}, None


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return b"\n" + file.read()
    except FileNotFoundError:
        return b""


def _installed(status: bytes, name: str) -> str:
    start = status.find(b"\nPackage: " + name.encode() + b"\n")
    if start < 0:
        return ""
    fields = {}
    for line in status[start + 1 : status.find(b"\n\n", start)].decode().splitlines():
        field, _, value = line.partition(": ")
        fields[field] = value
    return fields.get("Version", "") if fields.get("Status", "").endswith(" installed") else ""


def exists(path: str) -> bool:
    return os.path.lexists(path)
