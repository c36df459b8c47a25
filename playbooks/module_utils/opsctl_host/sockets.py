"""Which TCP ports are listened on, and by whom."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import struct
from collections.abc import Iterable

LISTEN = "0A"


def listening() -> dict[int, dict[str, str]]:
    """Port -> inode -> address of the sockets that listen on it."""
    found: dict[int, dict[str, str]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError), open(table, encoding="ascii") as file:
            for line in file:
                words = line.split()
                if len(words) > 9 and words[3] == LISTEN:
                    address, _, port = words[1].rpartition(":")
                    found.setdefault(int(port, 16), {})[words[9]] = address_of(address)
    return found


def address_of(shown: str) -> str:
    """The kernel shows addresses as hexadecimal words in the order of the machine."""
    whole = [int(shown[at : at + 8], 16) for at in range(0, len(shown), 8)]
    address = ipaddress.ip_address(struct.pack(f"={len(whole)}I", *whole))
    return str(getattr(address, "ipv4_mapped", None) or address)


def in_the_way(address: str, own: str) -> bool:
    """Whether a socket there keeps another one from the host's own address and from loopback. One
    on another address, such as a floating one, does not; any may where `own` is not known."""
    there = ipaddress.ip_address(address)
    return not own or there.is_unspecified or there.is_loopback or address == own


def holder(inodes: Iterable[str]) -> tuple[int, str, str]:
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
