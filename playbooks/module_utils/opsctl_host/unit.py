"""A systemd unit of ours: enabled, running, and what its process was started with.

The unit's first ExecStartPre writes /run/opsctl/started/<unit>: the SHA-256 of each file that a
restart would take in and the versions of its packages. Against that record `loaded` is compared,
not against the files as they are now: a crash between writing and restarting loses nothing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable

from . import fingerprint, places, sockets
from .found import Found
from .host import Host, Item
from .shell import RefusedError, run

WANTED = "/etc/systemd/system/multi-user.target.wants"
SETTLE = 0.6  # seconds that a process must live before its start counts
STATES = {"active": "yes", "reloading": "yes", "failed": "failed", "inactive": "no"}


def observe(host: Host, item: Item) -> Found:
    state = host.unit(item["name"])
    foreign = _taken(host, item, state)
    if state.get("LoadState") not in ("loaded", "error", "bad-setting"):
        return Found(None, foreign=foreign)
    running = running_as(state)
    attributes = {
        "enabled": "yes" if os.path.islink(_link(item["name"])) else "no",
        "running": running,
    }
    loaded = _loaded(host, item) if running == "yes" else item["desired"].get("loaded")
    if state.get("NeedDaemonReload") == "yes" and running == "yes":
        loaded = "an older unit"
    if loaded is not None:
        attributes["loaded"] = loaded
    return Found(attributes, foreign=foreign)


def running_as(state: dict[str, str]) -> str:
    active = state.get("ActiveState", "inactive")
    if active == "activating":
        return "restarting" if state.get("SubState") == "auto-restart" else "starting"
    return STATES.get(active, "stopping")


def _taken(host: Host, item: Item, state: dict[str, str]) -> str:
    """Why the unit can't have its ports: who holds one; "" when they are free or its own."""
    if running_as(state) == "yes":
        return ""
    for port in item["spec"].get("ports", ()):
        if port in host.ports:
            pid, name, unit = sockets.holder(host.ports[port])
            if unit != item["name"]:
                who = f"{name} (pid {pid}, {unit or 'no unit'})" if pid else "a process"
                return f"port {port} is held by {who}"
    return ""


def _loaded(host: Host, item: Item) -> str | None:
    """The fingerprint of what it was started with; None when it can't be told without the key."""
    secret: dict[str, bool] = item["spec"].get("files", {})
    versions = item["spec"].get("packages", ())
    parts = {}
    for word, name, value in started(item["name"]):
        if word == "file":
            key = host.key_for(secret.get(name, False))
            if key is None:
                return None
            parts[name] = fingerprint.of_digest(key, bytes.fromhex(value))
        elif name in versions:
            parts[name] = value
    return fingerprint.of_parts(parts) if parts else "unknown"


def started(unit: str) -> Iterable[tuple[str, str, str]]:
    """("file", path, sha256) and ("package", name, version) of the running process."""
    try:
        with open(f"{places.below(places.STARTED)}/{unit}", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        if line.startswith("package "):
            _, name, version = line.split(" ", 2)
            found.append(("package", name, version))
        elif len(line) > 66:
            found.append(("file", line[66:], line[:64]))
    return found


def change(host: Host, items: list[Item]) -> None:
    """Enable them and (re)start those that need it, all at once; wait until they run.

    Raises hosts/unit-failed with the unit's last log lines.
    """
    names = [item["name"] for item in items]
    for name in names:
        enable(name)
    host.forget()
    host.read_units(names)
    if any(host.unit(name).get("NeedDaemonReload") == "yes" for name in names):
        run(["systemctl", "daemon-reload"], timeout=90)
        host.forget()
        host.read_units(names)
    stale = [item for item in items if _needs_start(host, item)]
    if stale:
        restart(host, stale)
    host.forget()


def _link(name: str) -> str:
    return f"{places.below(WANTED)}/{name}"


def enable(name: str) -> None:
    """What `systemctl enable` does for WantedBy=multi-user.target, without reloading systemd."""
    link = _link(name)
    places.make_folder(os.path.dirname(link))
    if not os.path.islink(link):
        os.symlink(f"/etc/systemd/system/{name}", link)
        places.sync_folder(os.path.dirname(link))


def _needs_start(host: Host, item: Item) -> bool:
    found = observe(host, item)
    attributes = found.attributes or {}
    desired = item["desired"].get("loaded")
    other = desired is not None and attributes.get("loaded") != desired
    return other or attributes.get("running") != "yes"


def restart(host: Host, items: list[Item]) -> None:
    """Stop and start them, and wait until they run. Raises hosts/unit-failed."""
    names = [item["name"] for item in items]
    # A unit that failed too often would refuse; one in its restart delay would wait it out.
    run(["systemctl", "reset-failed", "--", *names], timeout=30)
    bound = max(float(item["spec"].get("start_timeout", 90)) for item in items)
    run(["systemctl", "restart", "--", *names], timeout=bound + 15)
    end = time.monotonic() + SETTLE
    while True:
        host.forget()
        host.read_units(names)
        for name in names:
            state = host.unit(name)
            if running_as(state) != "yes" or state.get("NRestarts", "0") != "0":
                raise _failed(name, state)
        if time.monotonic() > end:
            return
        time.sleep(SETTLE / 2)


def _failed(name: str, state: dict[str, str]) -> RefusedError:
    lines = run(["journalctl", "-u", name, "-n", "20", "--no-pager", "-o", "cat"], timeout=15).out
    how = f"{state.get('Result', '?')}, exit status {state.get('ExecMainStatus', '?')}"
    return RefusedError(
        "hosts/unit-failed",
        f"{name} does not stay up: {running_as(state)} ({how})",
        "its last log lines are below; correct the cause, or opsctl rollback",
        lines.splitlines(),
    )


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
            raise _failed(name, host.unit(name))
        run(["systemctl", "reset-failed", "--", name], timeout=30)
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{places.below(places.STARTED)}/{name}")
