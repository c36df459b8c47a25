"""The text of a systemd unit for one component of a member. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from opsctl.targets.hosts import layout
from opsctl.workload import Component, Member

START = 60.0  # seconds a process may take to start, on top of what runs before it
LOW_PORTS = 1024
# What a server needs none of. Network and its own folders are all that is left to it.
SANDBOX = (
    "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes",
    "PrivateDevices=yes", "ProtectKernelTunables=yes", "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes", "ProtectControlGroups=yes", "ProtectClock=yes",
    "ProtectHostname=yes", "RestrictSUIDSGID=yes", "RestrictRealtime=yes",
    "RestrictNamespaces=yes", "LockPersonality=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class UnitText:
    """What the text is made from. `recorded` files and `packages` are noted at each start."""

    name: str
    description: str
    member: Member
    component: Component
    packages: tuple[str, ...]
    recorded: tuple[str, ...]
    mounts: tuple[str, ...]


def start_timeout(component: Component) -> float:
    """Seconds until a start has failed, whatever runs before the process included."""
    before = component.command.before_start_timeout if component.command.before_start else 0
    return before + START


def unit_text(about: UnitText) -> str:
    sections = {
        "Unit": _unit(about),
        "Service": _service(about),
        "Install": ("WantedBy=multi-user.target",),
    }
    head = "# Written by opsctl; changes made here are undone by the next apply.\n"
    return head + "\n".join(
        f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections.items()
    )


def _unit(about: UnitText) -> Iterator[str]:
    yield f"Description={about.description.replace('%', '%%')}"
    yield "Wants=network-online.target"
    yield "After=network-online.target"
    yield "StartLimitIntervalSec=0"
    for volume in about.component.volumes:
        yield f"RequiresMountsFor={volume.path}"
    for mount in about.mounts:
        # One of these must be a mount point, else the data would go to the root disk.
        path = PurePosixPath(mount)
        for one in (path, *path.parents):
            if str(one) != "/":
                yield f"AssertPathIsMountPoint=|{one}"


def _service(about: UnitText) -> Iterator[str]:
    component, seat = about.component, about.member.seat
    command = component.command
    yield "Type=exec"
    yield f"User={component.user}"
    yield "UMask=0077"
    yield f"SyslogIdentifier={about.member.name}-{component.name}"
    if seat.run_dir.startswith("/run/"):
        yield f"RuntimeDirectory={seat.run_dir.removeprefix('/run/')}"
        yield "RuntimeDirectoryMode=0750"
        yield "RuntimeDirectoryPreserve=yes"  # components of a member share it
    yield f"ExecStartPre=-+{_words(_recorder(about))}"
    for argv in command.before_start:
        yield f"ExecStartPre={_words(argv)}"
    yield f"ExecStart={_words(command.argv)}"
    for argv in command.after_start:
        yield f"ExecStartPost={_words(argv)}"
    for argv in command.before_stop:
        yield f"ExecStop={_words(argv)}"
    yield f"TimeoutStartSec={start_timeout(component):g}"
    yield f"TimeoutStopSec={command.grace:g}"
    yield "KillMode=mixed"
    yield from _restart(seat.system)
    yield from _limits(component)
    yield from _sandbox(about)


def _restart(system: str) -> Iterator[str]:
    """Always again after a failure; ever more slowly where systemd can (Debian 13's 257)."""
    yield "Restart=on-failure"
    yield "RestartSec=1"
    if system != "debian-12":
        yield "RestartSteps=5"
        yield "RestartMaxDelaySec=15"


def _limits(component: Component) -> Iterator[str]:
    if component.limits.memory is not None:
        yield f"MemoryMax={component.limits.memory}"
    if component.limits.open_files is not None:
        yield f"LimitNOFILE={component.limits.open_files}"


def _sandbox(about: UnitText) -> Iterator[str]:
    component, seat = about.component, about.member.seat
    yield from (line for line in SANDBOX if line != "ProtectHome=yes" or not _at_home(about))
    if component.user != "root":
        low = any(port.number < LOW_PORTS for port in component.ports)
        ability = "CAP_NET_BIND_SERVICE" if low else ""
        yield f"CapabilityBoundingSet={ability}"
        yield f"AmbientCapabilities={ability}"
    writable = [volume.path for volume in component.volumes]
    for file in component.files:
        parent = str(PurePosixPath(file.path).parent)
        # A server that rewrites its file makes a new one beside it.
        if file.life == "seeded" and parent not in writable:
            writable.append(parent)
    if writable:
        yield f"ReadWritePaths={' '.join(f'-{path}' for path in writable)}"
    if component.volumes:
        yield f"WorkingDirectory=-{component.volumes[0].path}"
    elif seat.run_dir.startswith("/run/"):
        yield f"WorkingDirectory=-{seat.run_dir}"


def _at_home(about: UnitText) -> bool:
    return any(volume.path.startswith(("/home/", "/root/")) for volume in about.component.volumes)


def _recorder(about: UnitText) -> tuple[str, ...]:
    """Notes what the process is about to start with; see opsctl_host/unit.py."""
    paths = shlex.join([*about.recorded, layout.unit_path(about.name)])
    note = shlex.quote(f"{layout.STARTED}/{about.name}")
    form = shlex.quote("package ${Package} ${Version}\\n")
    versions = f"; dpkg-query -W -f {form} {shlex.join(about.packages)}" if about.packages else ""
    folder = f"umask 077; mkdir -p {layout.STARTED}"
    return ("/bin/sh", "-c", f"{folder}; {{ sha256sum -- {paths}{versions}; }} >{note}")


def _words(argv: tuple[str, ...]) -> str:
    return " ".join(_quoted(word) for word in argv)


def _quoted(word: str) -> str:
    """A word as systemd reads it: its own quoting, specifiers and variables escaped."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    plain = word and all(letter.isalnum() or letter in "-_./:=,+@%$" for letter in word)
    return word if plain else '"' + word.replace('"', '\\"').replace("\n", "\\n") + '"'
