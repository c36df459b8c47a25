"""What a unit's process may do and where it may write. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.workload import Component, Seat

LOW_PORTS = 1024
# What a server needs none of. Network and its own folders are all that is left to it.
SANDBOX = (
    "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes",
    "PrivateDevices=yes", "ProtectKernelTunables=yes", "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes", "ProtectControlGroups=yes", "ProtectClock=yes",
    "ProtectHostname=yes", "RestrictSUIDSGID=yes", "RestrictRealtime=yes",
    "RestrictNamespaces=yes", "LockPersonality=yes",
)  # fmt: skip
FAMILIES = "AF_INET AF_INET6 AF_UNIX AF_NETLINK"


def sandbox(component: Component, seat: Seat) -> Iterator[str]:
    home = any(volume.path.startswith(("/home/", "/root/")) for volume in component.volumes)
    # What the component is for can't be taken from it.
    without = {"ProtectHome=yes"} if home else set()
    clock = "CAP_SYS_TIME" in component.capabilities or "clock" in component.sees
    without |= {"ProtectClock=yes"} if clock else set()
    if not home and "homes" in component.sees:
        without.add("ProtectHome=yes")
        yield "ProtectHome=read-only"
    yield from (line for line in SANDBOX if line not in without)
    raw = " AF_PACKET" if "CAP_NET_RAW" in component.capabilities else ""
    yield f"RestrictAddressFamilies={FAMILIES}{raw}"
    yield from _capabilities(component)
    writable = [volume.path for volume in component.volumes]
    for file in component.all_files:
        # A server that rewrites its file makes a new one beside it.
        if file.life == "seeded" and file.folder not in writable:
            writable.append(file.folder)
    if writable:
        yield f"ReadWritePaths={' '.join(f'-{path}' for path in writable)}"
    if component.volumes:
        yield f"WorkingDirectory=-{component.volumes[0].path}"
    elif seat.run_dir.startswith("/run/"):
        yield f"WorkingDirectory=-{seat.run_dir}"


def _capabilities(component: Component) -> Iterator[str]:
    """Those that are named and, below port 1024, the right to listen; root's are not bounded where
    none is named, and need not be given to it."""
    if component.user == "root":
        if component.capabilities:
            yield f"CapabilityBoundingSet={' '.join(component.capabilities)}"
        return
    low = any(port.number < LOW_PORTS for port in component.ports)
    named = dict.fromkeys((*(("CAP_NET_BIND_SERVICE",) if low else ()), *component.capabilities))
    yield f"CapabilityBoundingSet={' '.join(named)}"
    yield f"AmbientCapabilities={' '.join(named)}"
