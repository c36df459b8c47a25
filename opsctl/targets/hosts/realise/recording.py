"""Lines of a unit that note what its process takes in; opsctl_host/record.py reads them. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsctl.targets.hosts import layout
from opsctl.targets.hosts.realise.words import words
from opsctl.workload import Component


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is noted of one unit: at each start all of it, at a reload `reloads` alone.

    `restarts` and `reloads` are paths, the unit's own file among the former.
    """

    name: str
    restarts: tuple[str, ...]
    reloads: tuple[str, ...]
    packages: tuple[str, ...]


def restarting(component: Component) -> tuple[str, ...]:
    """Its files that only a restart takes in: all that a reload would, where it has none."""
    effects = ("restart",) if component.command.reload else ("restart", "reload")
    return _managed(component, effects)


def reloading(component: Component) -> tuple[str, ...]:
    """Its files that a reload takes in."""
    return _managed(component, ("reload",)) if component.command.reload else ()


def _managed(component: Component, effects: Sequence[str]) -> tuple[str, ...]:
    managed = (file for file in component.all_files if file.life == "managed")
    return tuple(file.path for file in managed if file.effect in effects)


def at_start(about: Recorded, mark: str) -> Iterator[str]:
    """`mark` stands for the unit's text as systemd has it in mind, which may be older than the file
    when a process that failed is started again before systemd was told of a new one."""
    note = shlex.quote(f"{layout.STARTED}/{about.name}")
    form = shlex.quote("package ${Package} ${Version}\\n")
    versions = f"; dpkg-query -W -f {form} {shlex.join(about.packages)}" if about.packages else ""
    folders = f"umask 077; mkdir -p {layout.STARTED} {layout.TAKEN}"
    yield _pre(f"{folders}; echo unit {mark} >{note}")
    yield _pre(f"{{ sha256sum -- {shlex.join(about.restarts)}{versions}; }} >>{note}")
    if about.reloads:
        yield _pre(f"{_sums(about)} >{_taken(about)}")


def at_reload(about: Recorded, argv: tuple[str, ...]) -> Iterator[str]:
    """The sums are made before the process reads and count once it has: a command that fails ends
    the reload, and what is written in between is not taken for read."""
    if about.reloads:
        yield f"ExecReload=+{_shell(f'umask 077; {_sums(about)} >{_taken(about)}.new')}"
    yield f"ExecReload={words(argv)}"
    if about.reloads:
        yield f"ExecReload=+{_shell(f'mv {_taken(about)}.new {_taken(about)}')}"


def _sums(about: Recorded) -> str:
    return f"sha256sum -- {shlex.join(about.reloads)}"


def _taken(about: Recorded) -> str:
    return shlex.quote(f"{layout.TAKEN}/{about.name}")


def _pre(script: str) -> str:
    """Notes are root's, and a start does not fail for want of one: it is due again then."""
    return f"ExecStartPre=-+{_shell(script)}"


def _shell(script: str) -> str:
    return words(("/bin/sh", "-c", script))
