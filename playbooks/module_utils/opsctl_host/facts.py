"""What a host says of itself, whoever asks."""

from __future__ import annotations

import os
import sys
import time


def gather() -> dict[str, str]:
    """system, name of it, memory (bytes), cpus, python, kernel, clock (seconds), user."""
    return {
        **_system(),
        "memory": str(_memory()),
        "cpus": str(len(os.sched_getaffinity(0))),
        "python": ".".join(map(str, sys.version_info[:3])),
        "kernel": os.uname().release,
        "hostname": os.uname().nodename,
        "clock": f"{time.time():.6f}",
        "uid": str(os.geteuid()),
    }


def _system() -> dict[str, str]:
    values = {}
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            for line in file:
                name, _, value = line.strip().partition("=")
                values[name] = value.strip("\"'")
    except FileNotFoundError:
        pass
    return {
        "system": f"{values.get('ID', 'unknown')}-{values.get('VERSION_ID', '')}".rstrip("-"),
        "pretty": values.get("PRETTY_NAME", ""),
    }


def _memory() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) * 1024
    return 0


def free(path: str) -> int:
    """Free bytes where `path` is, or would be."""
    while not os.path.exists(path):
        path = os.path.dirname(path) or "/"
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def mounted(path: str) -> bool:
    """Whether `path` or a folder above it, other than the root, is a mount point."""
    path = path.rstrip("/")
    while path:
        if os.path.ismount(path):
            return True
        path = os.path.dirname(path).rstrip("/")
    return False
