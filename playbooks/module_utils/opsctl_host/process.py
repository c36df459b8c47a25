"""Processes of units: started anew, told to reload, and why that failed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .host import Host, Item
from .shell import RefusedError, run

SETTLE = 0.6  # seconds that a process must live before its start counts
STATES = {"active": "yes", "reloading": "yes", "failed": "failed", "inactive": "no"}


def running_as(state: dict[str, str]) -> str:
    active = state.get("ActiveState", "inactive")
    if active == "activating":
        return "restarting" if state.get("SubState") == "auto-restart" else "starting"
    return STATES.get(active, "stopping")


def daemon_reload(host: Host, names: Sequence[str]) -> None:
    """Let systemd read the units' files, where it has other ones. What a drop-in bounds, such as
    the memory of a running process, holds from then on. Raises hosts/systemd."""
    host.forget()
    host.read_units(names)
    if any(host.unit(name).get("NeedDaemonReload") == "yes" for name in names):
        said = run(["systemctl", "daemon-reload"], timeout=90)
        if said.exit:
            message = f"systemctl daemon-reload: {said.err.strip() or said.out.strip()}"
            raise RefusedError("hosts/systemd", message, "is systemd well there? systemctl status")
        host.forget()
        host.read_units(names)


def restart(host: Host, items: list[Item]) -> None:
    """Stop and start them, and wait until they run. Raises hosts/unit-failed."""
    names = [item["name"] for item in items]
    # A unit that failed too often would refuse; one in its restart delay would wait it out.
    run(["systemctl", "reset-failed", "--", *names], timeout=30)
    run(["systemctl", "restart", "--", *names], timeout=_bound(items))
    end = time.monotonic() + SETTLE
    while True:
        host.forget()
        host.read_units(names)
        for name in names:
            state = host.unit(name)
            if running_as(state) != "yes" or state.get("NRestarts", "0") != "0":
                raise failed(name, state)
        if time.monotonic() > end:
            return
        time.sleep(SETTLE / 2)


def reload(host: Host, items: list[Item]) -> None:
    """Let running processes take in changed files, one after the other.

    Raises hosts/reload-failed for the first that refuses: it serves on with what it had. Raises
    hosts/unit-failed for one that is gone after it.
    """
    for item in items:
        name = item["name"]
        said = run(["systemctl", "reload", "--", name], timeout=_bound([item]))
        host.forget()
        state = host.unit(name)
        if running_as(state) != "yes":
            raise failed(name, state)
        if said.exit:
            raise RefusedError(
                "hosts/reload-failed",
                f"{name} did not take in its changed files: its old configuration keeps serving",
                "its last log lines are below; correct the cause before it restarts, "
                "or opsctl rollback",
                _last_lines(name),
            )


def failed(name: str, state: dict[str, str]) -> RefusedError:
    how = f"{state.get('Result', '?')}, exit status {state.get('ExecMainStatus', '?')}"
    return RefusedError(
        "hosts/unit-failed",
        f"{name} does not stay up: {running_as(state)} ({how})",
        "its last log lines are below; correct the cause, or opsctl rollback",
        _last_lines(name),
    )


def _bound(items: list[Item]) -> float:
    """Seconds: systemd's own bound comes first, so that it tells why."""
    return max(float(item["spec"].get("start_timeout", 90)) for item in items) + 15


def _last_lines(name: str) -> list[str]:
    # journald reads in its own time what a process has just said before it ended.
    run(["journalctl", "--sync"], timeout=5)
    argv = ["journalctl", "-u", name, "-n", "20", "--no-pager", "-o", "cat"]
    return run(argv, timeout=15).out.splitlines()
