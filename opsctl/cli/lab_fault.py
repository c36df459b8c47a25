"""`opsctl lab fault`: break hosts on purpose. Every fault undoes itself after a while."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl import wiring
from opsctl.cli.command import command, new_app
from opsctl.cli.lab_options import LabName, complete_hosts, seconds
from opsctl.cli.session import Session
from opsctl.cli.views.lab import FaultsView
from opsctl.errors import SpecError

app = new_app("Break hosts on purpose. Every fault undoes itself after --for.")
Hosts = Annotated[list[str], typer.Argument(autocompletion=complete_hosts)]
For = Annotated[str, typer.Option("--for", metavar="TIME", help="Undone after so long.")]


@command(app, "output")
def kill(session: Session, hosts: Hosts, for_: For = "60s", name: LabName = "lab") -> None:
    """Cut the power: every process of the hosts is gone at once."""
    wiring.lab(name).faults.kill(*hosts, for_=seconds(for_))
    _show(session, name)


@command(app, "output")
def restart(session: Session, hosts: Hosts, name: LabName = "lab") -> None:
    """Reboot the hosts in good order, all at once, and wait for them."""
    wiring.lab(name).faults.restart(*hosts)
    _show(session, name)


@command(app, "output")
def pause(session: Session, hosts: Hosts, for_: For = "60s", name: LabName = "lab") -> None:
    """Stop every process where it stands; connections stay open, unanswered."""
    wiring.lab(name).faults.pause(*hosts, for_=seconds(for_))
    _show(session, name)


@command(app, "output")
def unplug(session: Session, hosts: Hosts, for_: For = "60s", name: LabName = "lab") -> None:
    """Pull the network cables, also towards this machine."""
    wiring.lab(name).faults.unplug(*hosts, for_=seconds(for_))
    _show(session, name)


@command(app, "output")
def partition(
    session: Session,
    groups: Annotated[str, typer.Argument(metavar="A,B:C", help="Such as n1:n2,n3.")],
    one_way: Annotated[
        bool, typer.Option("--one-way", help="Only what the first group sends is lost.")
    ] = False,
    for_: For = "60s",
    name: LabName = "lab",
) -> None:
    """Cut two groups of hosts from each other; "control" is this machine."""
    first, colon, second = groups.partition(":")
    if not (first and colon and second):
        raise SpecError("cli/usage", "a partition needs two groups", hint="such as n1:n2,n3")
    wiring.lab(name).faults.partition(
        first.split(","), second.split(","), one_way=one_way, for_=seconds(for_)
    )
    _show(session, name)


@command(app, "output")
def lose(
    session: Session,
    hosts: Hosts,
    percent: Annotated[float, typer.Option(help="Which share of packets.")] = 10.0,
    control: Annotated[
        bool, typer.Option("--control", help="Also packets from and to this machine.")
    ] = False,
    for_: For = "60s",
    name: LabName = "lab",
) -> None:
    """Lose a share of the packets from and to the hosts."""
    wiring.lab(name).faults.lose(*hosts, percent=percent, control=control, for_=seconds(for_))
    _show(session, name)


@command(app, "output")
def fill(
    session: Session,
    host: Annotated[str, typer.Argument(autocompletion=complete_hosts)],
    path: Annotated[str, typer.Option(help="Any path on the disk that is meant.")] = "/",
    leave: Annotated[int, typer.Option(metavar="MIB", help="Space that stays free.")] = 0,
    for_: For = "60s",
    name: LabName = "lab",
) -> None:
    """Fill a host's disk."""
    wiring.lab(name).faults.fill_disk(host, path, leave_mib=leave, for_=seconds(for_))
    _show(session, name)


@command(app, "output")
def heal(session: Session, name: LabName = "lab") -> None:
    """Undo every fault now."""
    wiring.lab(name).faults.heal()
    _show(session, name)


def _show(session: Session, name: str) -> None:
    session.screen.result(FaultsView(wiring.lab(name).faults.active()))
