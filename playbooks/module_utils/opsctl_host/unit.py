"""A systemd unit of ours: enabled, running, and what its process took in (see record.py)."""

from __future__ import annotations

import contextlib
import os

from . import places, process, record, sockets
from .found import Found
from .host import Host, Item
from .process import running_as
from .shell import run

WANTED = "/etc/systemd/system/multi-user.target.wants"


def observe(host: Host, item: Item) -> Found:
    state = host.unit(item["name"])
    foreign = _occupied(host, item, state)
    if state.get("LoadState") not in ("loaded", "error", "bad-setting"):
        return Found(None, foreign=foreign)
    running = running_as(state)
    attributes = {
        "enabled": "yes" if os.path.islink(_link(item["name"])) else "no",
        "running": running,
        "current": "no" if state.get("NeedDaemonReload") == "yes" else "yes",
    }
    for name, noted in (("loaded", record.loaded), ("taken", record.taken)):
        if name in item["desired"]:
            # What is down takes in everything when it starts: then only that it is down differs.
            is_up = running == "yes"
            value = noted(host, item["name"], item["spec"]) if is_up else item["desired"][name]
            if value is not None:
                attributes[name] = value
    return Found(attributes, foreign=foreign)


def _occupied(host: Host, item: Item, state: dict[str, str]) -> str:
    """Why the unit can't have its ports: who holds one; "" when they are free or its own."""
    if running_as(state) == "yes":
        return ""
    own = item["spec"].get("own", "")
    for port in item["spec"].get("ports", ()):
        there = host.ports.get(port, {})
        taken = [inode for inode, address in there.items() if sockets.in_the_way(address, own)]
        if taken:
            pid, name, unit = sockets.holder(taken)
            if unit != item["name"]:
                who = f"{name} (pid {pid}, {unit or 'no unit'})" if pid else "a process"
                return f"port {port} is held by {who}"
    return ""


def change(host: Host, items: list[Item]) -> None:
    """Enable them, (re)start those that need it, all at once, and wait until they run; reload
    those that need only that. Raises hosts/unit-failed and hosts/reload-failed."""
    _ready(host, items)
    stale = [item for item in items if _differs(host, item, "loaded") or not _runs(host, item)]
    if stale:
        process.restart(host, stale)
    due = [item for item in items if item not in stale and _differs(host, item, "taken")]
    process.reload(host, due)
    host.forget()


def again(host: Host, items: list[Item]) -> None:
    """Restart them, whether they need it or not. Raises hosts/unit-failed."""
    _ready(host, items)
    process.restart(host, items)


def _ready(host: Host, items: list[Item]) -> None:
    names = [item["name"] for item in items]
    for name in names:
        enable(name)
    process.daemon_reload(host, names)


def _link(name: str) -> str:
    return f"{places.below(WANTED)}/{name}"


def enable(name: str) -> None:
    """What `systemctl enable` does for WantedBy=multi-user.target, without reloading systemd."""
    link = _link(name)
    places.make_folder(os.path.dirname(link))
    if not os.path.islink(link):
        os.symlink(f"/etc/systemd/system/{name}", link)
        places.sync_folder(os.path.dirname(link))


def _runs(host: Host, item: Item) -> bool:
    return running_as(host.unit(item["name"])) == "yes"


def _differs(host: Host, item: Item, name: str) -> bool:
    """Whether its process took in something else than is desired."""
    desired = item["desired"].get(name)
    found = observe(host, item).attributes or {}
    return desired is not None and found.get(name) != desired


def remove(host: Host, names: list[str]) -> None:
    """Stop and disable them. Raises hosts/unit-failed for one that does not stop."""
    host.read_units(names)
    known = [name for name in names if host.unit(name).get("LoadState") == "loaded"]
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_link(name))
    if known:
        run(["systemctl", "stop", "--", *known], timeout=180)
        host.forget()
        host.read_units(known)
    for name in known:
        if running_as(host.unit(name)) in ("yes", "stopping", "starting"):
            raise process.failed(name, host.unit(name))
        run(["systemctl", "reset-failed", "--", name], timeout=30)
    for name in names:
        record.forget(name)
