"""Ends one service's maintenance on this host. Run by a timer of the host's own, so that it ends
although nobody calls opsctl; and by `opsctl maintenance SERVICE --end`, for an end at once.

    release.py FOLDER SERVICE UNIT      FOLDER holds maintenance.json; UNIT names timer and service

Exit 0: the service is let go and nothing of the maintenance is left here. Exit 1: a member could
not be let go, which the unit tries again. Standard library alone, Python 3.9 and newer.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import re
import subprocess
import sys
import time
from typing import Any

UNITS = "/etc/systemd/system"
EARLY = 0.5  # seconds that a timer may come before the second it was set for
BOUND = 20  # seconds that one member may take
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main(folder: str, service: str, unit: str) -> int:
    with open(f"{folder}/maintenance.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = read(f"{folder}/maintenance.json")
        entry = entries.get(service, {"until": 0, "calls": []})
        if entry["until"] > time.time() + EARLY:
            return 0  # it was made longer meanwhile, and the timer set anew
        failed = [words for words in map(release, entry["calls"]) if words]
        for words in failed:
            print(words, file=sys.stderr)
        if failed:
            return 1
        if entries.pop(service, None):
            write(f"{folder}/maintenance.json", entries)
        forget(unit)
    return 0


def read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
            return found
    except FileNotFoundError:
        return {}


def write(path: str, entries: dict[str, Any]) -> None:
    """Replaced in one step; gone with its last entry."""
    if not entries:
        os.unlink(path)
        return
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        os.chmod(file.fileno(), 0o600)
        json.dump(entries, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.new", path)


def release(call: dict[str, Any]) -> str:
    """Lets one member go; why it could not, in words. One that is here no more is let go."""
    try:
        with open(f"{UNITS}/{call['unit']}", encoding="utf-8") as file:
            user = re.search(r"^User=(\S+)$", file.read(), re.MULTILINE)
    except FileNotFoundError:
        return ""
    account = pwd.getpwnam(user[1] if user else "root")
    options: dict[str, Any] = {}
    if account.pw_uid != os.geteuid():
        groups = os.getgrouplist(account.pw_name, account.pw_gid)
        options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
    try:
        done = subprocess.run(
            call["release"],
            **options,
            env={"PATH": PATH, "LC_ALL": "C.UTF-8"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BOUND,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{call['member']}: {error}"
    said = (done.stderr or done.stdout).strip().splitlines()
    return f"{call['member']}: {said[-1] if said else done.returncode}" if done.returncode else ""


def forget(unit: str) -> None:
    """Takes the timer and the service away; what systemd runs just now it runs to its end."""
    subprocess.run(["systemctl", "stop", f"{unit}.timer"], timeout=30, check=False)
    paths = (
        f"{UNITS}/timers.target.wants/{unit}.timer",
        f"{UNITS}/multi-user.target.wants/{unit}.service",
        f"{UNITS}/{unit}.timer",
        f"{UNITS}/{unit}.service",
        f"/var/lib/systemd/timers/stamp-{unit}.timer",
    )
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    subprocess.run(["systemctl", "daemon-reload"], timeout=60, check=False)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
