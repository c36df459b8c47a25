"""The text of a systemd unit for one component of a member, and of its drop-in. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from opsctl.targets.hosts import fingerprints
from opsctl.targets.hosts.realise.recording import Recorded, at_reload, at_start
from opsctl.targets.hosts.realise.sandbox import sandbox
from opsctl.targets.hosts.realise.words import words
from opsctl.workload import Component, Member

START = 60.0  # seconds a process may take to start, on top of what runs before it
_MARK = "MarkOfThisText"  # its place; no quoting changes it
HEAD = "# Written by opsctl; changes made here are undone by the next apply.\n"


@dataclass(frozen=True, slots=True)
class UnitText:
    """What the text is made from."""

    description: str
    member: Member
    component: Component
    recorded: Recorded
    mounts: tuple[str, ...]


def start_timeout(component: Component) -> float:
    """Seconds until a start has failed, whatever runs before the process included."""
    before = component.command.before_start_timeout if component.command.before_start else 0
    return before + START


def unit_text(about: UnitText) -> tuple[str, str]:
    """The text, and the mark in it that stands for all the rest of it."""
    text = _text(about, _MARK)
    mark = fingerprints.of_content(fingerprints.OPEN, text.replace(_MARK, "").encode())
    return text.replace(_MARK, mark), mark


def limits_text(component: Component) -> str:
    """The drop-in: what systemd applies to a running process as soon as it reads it."""
    lines = [f"TimeoutStopSec={component.command.grace:g}"]
    if component.limits.memory is not None:
        lines.append(f"MemoryMax={component.limits.memory}")
    return HEAD + "[Service]\n" + "".join(f"{line}\n" for line in lines)


def _text(about: UnitText, mark: str) -> str:
    sections = {
        "Unit": _unit(about),
        "Service": _service(about, mark),
        "Install": ("WantedBy=multi-user.target",),
    }
    return HEAD + "\n".join(
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


def _service(about: UnitText, mark: str) -> Iterator[str]:
    component, seat = about.component, about.member.seat
    yield "Type=exec"
    yield f"User={component.user}"
    yield "UMask=0077"
    yield f"SyslogIdentifier={about.member.name}-{component.name}"
    if seat.run_dir.startswith("/run/"):
        yield f"RuntimeDirectory={seat.run_dir.removeprefix('/run/')}"
        yield "RuntimeDirectoryMode=0750"
        yield "RuntimeDirectoryPreserve=yes"  # components of a member share it
    yield from _commands(about, mark)
    yield f"TimeoutStartSec={start_timeout(component):g}"
    yield "KillMode=mixed"
    yield from _restart(seat.system, component.command.restart_delay)
    if component.limits.open_files is not None:
        yield f"LimitNOFILE={component.limits.open_files}"
    yield from sandbox(component, seat)


def _commands(about: UnitText, mark: str) -> Iterator[str]:
    command = about.component.command
    yield from at_start(about.recorded, mark)
    for argv in command.before_start:
        yield f"ExecStartPre={words(argv)}"
    yield f"ExecStart={words(command.argv)}"
    for argv in command.after_start:
        yield f"ExecStartPost={words(argv)}"
    if command.reload:
        yield from at_reload(about.recorded, command.reload)
    for argv in command.before_stop:
        yield f"ExecStop={words(argv)}"


def _restart(system: str, delay: float) -> Iterator[str]:
    """Always again after a failure; ever more slowly where systemd can (Debian 13's 257)."""
    yield "Restart=on-failure"
    yield f"RestartSec={delay:g}"
    if system != "debian-12":
        yield "RestartSteps=5"
        yield "RestartMaxDelaySec=15"
