"""What the machine must have before a lab is started, and which command installs it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from opsctl.errors import Exit, OpsError
from opsctl.lab.cgroup import unified_root

TOOLS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "mkfs.ext4": "e2fsprogs",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "mount": "mount",
    "tar": "tar",
}


def missing_tools() -> list[tuple[str, str]]:
    """(program, command that installs it) for each program that is not on PATH."""
    return [
        (tool, f"apt-get install {package}")
        for tool, package in TOOLS.items()
        if shutil.which(tool) is None
    ]


def require() -> None:
    """Raise lab/not-root, lab/missing-tool or lab/no-cgroup2 when a lab can't run here."""
    if os.geteuid() != 0:
        raise OpsError(
            "lab/not-root",
            "a lab makes mounts, a bridge and containers, which only root may",
            hint="run the command as root (sudo)",
            exit=Exit.REFUSED,
        )
    if missing := missing_tools():
        packages = sorted({TOOLS[tool] for tool, _ in missing})
        raise OpsError(
            "lab/missing-tool",
            f"this machine lacks {', '.join(tool for tool, _ in missing)}",
            hint=f"apt-get install {' '.join(packages)}",
            exit=Exit.REFUSED,
        )
    _require_kernel()


def _require_kernel() -> None:
    if unified_root() is None:
        raise OpsError(
            "lab/no-cgroup2",
            "no cgroup v2 hierarchy is mounted",
            hint="mount -t cgroup2 none /sys/fs/cgroup/unified",
            exit=Exit.REFUSED,
        )
    if not Path("/dev/loop-control").exists():
        raise OpsError(
            "lab/no-loop",
            "no loop devices: /dev/loop-control is missing",
            hint="modprobe loop",
            exit=Exit.REFUSED,
        )
