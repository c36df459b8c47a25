"""A systemd timer of ours: enabled, waiting for its next time, and its job's folder there.

The folder is made here and never removed: what a job keeps outlives its member.
"""

from __future__ import annotations

import contextlib
import os

from . import places, process
from .found import Found
from .host import Host, Item
from .shell import RefusedError, run

WANTED = "/etc/systemd/system/timers.target.wants"


def observe(host: Host, item: Item) -> Found:
    state = host.unit(item["name"])
    if state.get("LoadState") != "loaded":
        return Found(None)
    return Found(
        {
            "enabled": "yes" if os.path.islink(_link(item["name"])) else "no",
            "waiting": "yes" if state.get("ActiveState") == "active" else "no",
            "current": "no" if state.get("NeedDaemonReload") == "yes" else "yes",
            "folder": _folder(item),
        }
    )


def _folder(item: Item) -> str:
    """Owner and mode as one text; "" when there is none."""
    try:
        found = os.stat(places.below(item["spec"]["folder"]))
    except OSError:
        return ""
    wanted = str(item["desired"].get("folder", "")).partition(" ")[0]
    return f"{places.owner_of(found, wanted)} {places.mode_of(found)}"


def change(host: Host, items: list[Item]) -> None:
    """Make the folder, enable and start. Raises hosts/timer-failed."""
    for item in items:
        path = places.below(item["spec"]["folder"])
        owner, _, mode = item["desired"]["folder"].partition(" ")
        uid, gid = places.ids(owner)
        places.make_folder(path, 0o700)
        os.chown(path, uid, gid)
        os.chmod(path, int(mode, 8))
        link = _link(item["name"])
        places.make_folder(os.path.dirname(link))
        if not os.path.islink(link):
            os.symlink(f"{places.UNITS}/{item['name']}", link)
            places.sync_folder(os.path.dirname(link))
    names = [item["name"] for item in items]
    process.daemon_reload(host, [*names, *(item["spec"]["unit"] for item in items)])
    # A timer that was changed takes its new times when it starts anew.
    run(["systemctl", "restart", "--", *names], timeout=60)
    host.forget()
    host.read_units(names)
    for name in names:
        if host.unit(name).get("ActiveState") != "active":
            said = run(["systemctl", "status", "--no-pager", "--", name], timeout=15)
            message = f"{name} does not wait for its time"
            raise RefusedError("hosts/timer-failed", message, details=said.out.splitlines())


def remove(host: Host, names: list[str]) -> None:
    """Stop and disable them, and end the job of each if it is under way."""
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_link(name))
    units = [f"{name.removesuffix('.timer')}.service" for name in names]
    host.read_units([*names, *units])
    known = [one for one in (*names, *units) if host.unit(one).get("LoadState") == "loaded"]
    if known:
        run(["systemctl", "stop", "--", *known], timeout=120)
        run(["systemctl", "reset-failed", "--", *known], timeout=30)
    host.forget()


def _link(name: str) -> str:
    return f"{places.below(WANTED)}/{name}"
