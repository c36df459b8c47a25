"""What the machine must have before a lab is started, and which command installs it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from opsctl.errors import Exit, OpsError
from opsctl.lab.cgroup import controllers, unified_root

INOTIFY_NAME = "fs.inotify.max_user_instances"
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_PER_HOST = 5  # what a host's systemd was seen to hold
INOTIFY_PER_NODE = 18  # a control plane and three workers were seen to hold 70
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


def require_root() -> None:
    """Raise lab/not-root."""
    if os.geteuid() != 0:
        raise OpsError(
            "lab/not-root",
            "a lab makes mounts, a bridge and containers, which only root may",
            hint="run the command as root (sudo)",
            exit=Exit.REFUSED,
        )


def require(*, nested: bool = False) -> None:
    """Raise lab/not-root, lab/missing-tool or lab/no-cgroup2 when a lab can't run here.

    Hosts that run containers themselves (`nested`) also want version 1 cgroups: lab/no-cgroup1.
    """
    require_root()
    if missing := missing_tools():
        packages = sorted({TOOLS[tool] for tool, _ in missing})
        raise OpsError(
            "lab/missing-tool",
            f"this machine lacks {', '.join(tool for tool, _ in missing)}",
            hint=f"apt-get install {' '.join(packages)}",
            exit=Exit.REFUSED,
        )
    _require_kernel()
    if nested:
        _require_controllers()


def require_inotify(hosts: int, *, nested: bool = False) -> None:
    """Raise lab/inotify when the kernel's limit leaves no room for so many more hosts.

    All hosts count as one user, root. Without the check some hosts start and others do not, and a
    host that is rebooted may not come back.
    """
    limit = int(INOTIFY.read_text())
    used = _inotify_used()
    need = used + hosts * (INOTIFY_PER_NODE if nested else INOTIFY_PER_HOST)
    if need > limit:
        raise OpsError(
            "lab/inotify",
            f"{hosts} more hosts need about {need} inotify instances, the kernel allows {limit}",
            hint=f"sysctl -w {INOTIFY_NAME}={max(1024, need * 2)}, or take other labs down",
            exit=Exit.REFUSED,
        )


def _inotify_used() -> int:
    """Inotify instances that processes of root hold now."""
    used = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == 0:
                links = [fd.readlink() for fd in (process / "fd").iterdir()]
                used += links.count(Path("anon_inode:inotify"))
        except OSError:
            continue  # the process or a descriptor of it is gone
    return used


def _require_controllers() -> None:
    lacking = sorted({"cpu", "memory", "pids"} - {path.name for path in controllers()})
    if lacking:
        raise OpsError(
            "lab/no-cgroup1",
            f"hosts that run containers need version 1 cgroups; missing: {', '.join(lacking)}",
            where="/sys/fs/cgroup",
            hint="use another cluster through KUBECONFIG, such as one made by kind",
            exit=Exit.REFUSED,
        )


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
