"""Which TCP ports are listened on, and by whom."""

from __future__ import annotations

import contextlib
import os

LISTEN = "0A"


def listening() -> dict[int, set[str]]:
    """Port -> inodes of the sockets that listen on it, on any address."""
    found: dict[int, set[str]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError), open(table, encoding="ascii") as file:
            for line in file:
                words = line.split()
                if len(words) > 9 and words[3] == LISTEN:
                    found.setdefault(int(words[1].rpartition(":")[2], 16), set()).add(words[9])
    return found


def holder(inodes: set[str]) -> tuple[int, str, str]:
    """The process that has one of these sockets: (pid, name, unit); (0, "", "") if none is seen.

    Reads every process's open files: called only for a port that stands in the way.
    """
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            for handle in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{pid}/fd/{handle}") in wanted:
                        return int(pid), _name(pid), unit_of(pid)
    return 0, "", ""


def _name(pid: str) -> str:
    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
        return file.read().strip()


def unit_of(pid: str) -> str:
    """The systemd unit a process belongs to, from its control group, or ""."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        for line in file:
            last = line.strip().rpartition("/")[2]
            if last.endswith((".service", ".scope")):
                return last
    return ""
