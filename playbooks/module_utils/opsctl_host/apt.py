"""apt-get, with its failures told apart."""

from __future__ import annotations

import fcntl
import os
import re
import struct
from typing import Any

from . import places
from .shell import RefusedError, Result, run

QUIET = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l", "UCF_FORCE_CONFFOLD": "1"}
LOCK_WAIT = 60  # seconds to wait for whoever holds dpkg's lock
TIMEOUT = 900.0  # seconds for one installation
FLOCK = "hhqqi4x"  # Linux's struct flock: type, whence, start, length, pid


class StaleListsError(Exception):
    """apt's lists do not have what is wanted, or have what the mirror no longer has."""


def options(settings: dict[str, Any]) -> list[str]:
    wait = int(settings.get("lock_wait", LOCK_WAIT))
    chosen = [f"DPkg::Lock::Timeout={wait}", "Dpkg::Use-Pty=0", "Acquire::Retries=2"]
    if settings.get("proxy"):
        chosen += [f"Acquire::http::Proxy={settings['proxy']}"]
        chosen += [f"Acquire::https::Proxy={settings['proxy']}"]
    return [word for option in chosen for word in ("-o", option)]


def update(settings: dict[str, Any]) -> None:
    """Fetch the lists. Raises hosts/no-mirror, hosts/package-lock."""
    argv = ["apt-get", "-q", *options(settings), "-o", "APT::Update::Error-Mode=any", "update"]
    answer = run(argv, timeout=300, env=QUIET)
    if answer.exit:
        _locked(answer)
        raise RefusedError(
            "hosts/no-mirror",
            "apt could not fetch its package lists",
            "is the mirror reachable? targets: {packages: {mirror: ..., proxy: ...}} sets another",
            _tail(answer),
        )


def install(chosen: list[str], settings: dict[str, Any]) -> None:
    """Install. Raises StaleListsError, hosts/package-lock, hosts/disk-full, hosts/packages."""
    argv = ["apt-get", "-q", "-y", "--no-install-recommends", "--allow-downgrades"]
    argv += ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
    answer = run([*argv, *options(settings), "install", "--", *chosen], timeout=TIMEOUT, env=QUIET)
    if answer.exit == 0:
        return
    _locked(answer)
    said = answer.err + answer.out
    if "Unable to locate" in said or "no installation candidate" in said or "was not found" in said:
        raise StaleListsError(_tail(answer)[-1])
    if "404 " in said or "Failed to fetch" in said:
        raise StaleListsError("the mirror no longer has a package that apt's lists name")
    if "No space left" in said or "enough free space" in said:
        message = "no space left for packages below /var/cache/apt or /usr"
        raise RefusedError("hosts/disk-full", message, "df -h; make room", _tail(answer))
    hint = "dpkg --configure -a repairs an interrupted run" if "dpkg was interr" in said else ""
    message = f"apt could not install {', '.join(chosen)}"
    raise RefusedError("hosts/packages", message, hint or "see apt's last lines", _tail(answer))


def busy() -> bool:
    """Whether a package program is at work now: it holds one of dpkg's locks."""
    return any(_held(places.below(f"/var/lib/dpkg/{name}")) for name in ("lock-frontend", "lock"))


def _held(path: str) -> bool:
    """Asks for a lock's holder and takes nothing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        found = fcntl.fcntl(handle, fcntl.F_GETLK, asked)
        return bool(struct.unpack(FLOCK, found)[0] != fcntl.F_UNLCK)
    finally:
        os.close(handle)


def _locked(answer: Result) -> None:
    """Raises hosts/package-lock when that is why apt gave up; what waited is on standard output."""
    if not re.search("Could not get lock|Unable to (acquire|lock)", answer.err):
        return
    said = answer.err + answer.out
    who = re.search(r"held by process (\d+) \(([^)]*)\)", said)
    holder = f"{who[2]} (pid {who[1]})" if who else "another program"
    lock = re.search(r"/var/\S+lock\S*?(?=[\s).,])", said)
    message = f"{holder} holds the package lock {lock[0] if lock else ''}".rstrip()
    raise RefusedError("hosts/package-lock", message, "wait until it is done, then apply again")


def _tail(answer: Result) -> list[str]:
    lines = [line for line in (answer.out + answer.err).splitlines() if line.strip()]
    return lines[-8:] or [f"exit code {answer.exit}"]
