"""One host's batch of changes, in the one order that is safe.

Masks and packages, folders, files; then what goes; then units. Before each change the fence: the
caller's lock must be the newest here. The manifest names a thing before it is made, so what a
killed apply leaves behind is known to be ours.
"""

from __future__ import annotations

import os
from typing import Any

from . import directory, places, process, unit
from .host import Host, Item
from .kinds import KINDS
from .lock import Lock
from .look import observed, refuse_foreign
from .shell import RefusedError, run

GOING = ("timer", "unit", "firewall", "file", "directory", "package", "mask", "kernel")
SHARED = ("package", "mask", "kernel")  # two environments may own the same one


def converge(request: dict[str, Any]) -> dict[str, Any]:
    """{"changed": keys in order, "error": None or the refusal}."""
    changed: list[str] = []
    error = None
    try:
        host = Host(request["environment"], request["key"], request["options"])
        host.manifest.check()
        batch = Batch(host, request["fence"], changed)
        batch.run(request["write"], request["remove"], request["restart"])
    except RefusedError as refused:
        error = refused.wire
    except OSError as failed:
        error = {"code": "hosts/os", "message": str(failed), "hint": "", "details": []}
    return {"changed": changed, "error": error}


class Batch:
    """Appends to `changed` the key of each thing that was really changed."""

    def __init__(self, host: Host, fence: dict[str, Any] | None, changed: list[str]):
        self.host, self.changed, self.fence = host, changed, fence
        self.lock = Lock(host.environment["name"])

    def run(self, write: list[Item], remove: list[Item], restart: list[str]) -> None:
        self._enter(write)
        sources = [item for item in write if item["spec"].get("early")]
        rest = [item for item in write if not item["spec"].get("early")]
        self._make("file", sources)
        for kind in ("kernel", "mask", "package", "directory", "file", "firewall"):
            self._make(kind, rest)
        self._remove(remove)
        self._reread(rest)
        self._make("unit", [item for item in rest if item["key"] not in restart])
        again = [item for item in write if item["key"] in restart]
        if again:
            with self._guard():
                unit.again(self.host, again)
            self.changed += [item["key"] for item in again]
        self._make("timer", rest)

    def _reread(self, write: list[Item]) -> None:
        """Tell systemd of units whose files changed here: a drop-in holds without a restart."""
        paths = [i["name"] for i in write if i["kind"] == "file" and i["key"] in self.changed]
        below = f"{places.UNITS}/"
        parts = [path.removeprefix(below).split("/") for path in paths if path.startswith(below)]
        names = list(dict.fromkeys(first.removesuffix(".d") for first, *_ in parts))
        if names:
            with self._guard():
                process.daemon_reload(self.host, names)

    def _enter(self, write: list[Item]) -> None:
        """Refuse what is foreign, then name everything in the manifest."""
        units = [item["name"] for item in write if item["kind"] in ("unit", "timer", "mask")]
        self.host.read_units(units)
        with self._guard():
            refuse_foreign(self.host, {item["key"]: observed(self.host, item) for item in write})
            places.make_folder(places.below(places.AGENT), 0o700)
            turn = self.fence["token"] if self.fence else 0
            if self.host.manifest.add(write, turn):
                self.host.manifest.save()

    def _guard(self) -> Any:
        """The fence; a rendered project has none, and goes only where nobody holds the lock."""
        if self.fence is None:
            return self.lock.unheld()
        return self.lock.guard(**self.fence)

    def _make(self, kind: str, write: list[Item]) -> None:
        items = [item for item in write if item["kind"] == kind]
        due = [item for item in items if observed(self.host, item).differs(item["desired"])]
        if not due:
            return
        at_once = kind in ("package", "unit")
        for group in [due] if at_once else [[item] for item in due]:
            with self._guard():
                KINDS[kind].change(self.host, group)
            self.changed += [item["key"] for item in group]

    def _remove(self, remove: list[Item]) -> None:
        """Take away what the manifest says is ours, in the reverse order."""
        manifest = self.host.manifest
        mine = [item for item in remove if item["key"] in manifest.resources]
        if not mine:
            return
        elsewhere = manifest.elsewhere()
        for kind in GOING:
            going = [item for item in mine if item["kind"] == kind]
            gone = [item for item in going if not self._kept(item, elsewhere)]
            if gone:
                with self._guard():
                    KINDS[kind].remove(self.host, [item["name"] for item in gone])
            for item in going:
                self._leave(manifest.drop(item["key"]))
                self.changed.append(item["key"])
            if going:
                manifest.save()
        if any(item["name"].startswith(places.UNITS) for item in mine if item["kind"] == "file"):
            run(["systemctl", "daemon-reload"], timeout=90)
            self.host.forget()
        self._forget_environment()

    def _leave(self, seat: dict[str, Any]) -> None:
        """What a member's processes kept until the next boot goes with its seat: systemd made the
        folder, so nothing else names it. Its units are gone by now."""
        path = seat.get("run_dir", "")
        if path.startswith(f"{places.RUN}/"):
            with self._guard():
                directory.remove(self.host, [path])

    def _kept(self, item: Item, elsewhere: set[tuple[str, str]]) -> bool:
        """Whether a shared thing stays: others own it too, or it was there before opsctl."""
        if item["kind"] in SHARED and (item["kind"], item["name"]) in elsewhere:
            return True
        entry = self.host.manifest.resources[item["key"]]
        return item["kind"] == "package" and not entry.get("ours")

    def _forget_environment(self) -> None:
        """With the last thing gone the manifest goes too; journal and lock stay to tell of it."""
        manifest = self.host.manifest
        if not manifest.resources and os.path.exists(manifest.path):
            os.unlink(manifest.path)
