"""`opsctl lab`: throw-away hosts on this machine. Works without a spec."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Literal

import typer

from opsctl import wiring
from opsctl.cli import lab_fault, lab_kubernetes
from opsctl.cli.command import command, new_app
from opsctl.cli.lab_options import LabName, complete_hosts, none_is_well
from opsctl.cli.session import Session
from opsctl.cli.views.lab import LabsView, LabView
from opsctl.errors import Exit

app = new_app("Throw-away hosts on this machine, to try and to break.")
app.add_typer(lab_fault.app, name="fault")
app.add_typer(lab_kubernetes.app, name="kubernetes")


@command(app, "output")
def up(
    session: Session,
    name: LabName = "lab",
    hosts: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 3,
    system: Annotated[
        Literal["debian-13", "debian-12", "mixed"], typer.Option(help="mixed: both, in turn.")
    ] = "debian-13",
    disk: Annotated[int, typer.Option(metavar="MIB", help="Each host's disk.")] = 8192,
    data: Annotated[int, typer.Option(metavar="MIB", help="A second disk at /data.")] = 0,
    package: Annotated[
        list[str] | None, typer.Option(help="Put into the hosts' image; repeatable.")
    ] = None,
) -> None:
    """Start a lab, or what is missing of it."""
    lab = wiring.lab_up(
        name,
        hosts=hosts,
        system=system,
        disk_mib=disk,
        data_mib=data,
        packages=tuple(package or ()),
        progress=session.screen.say,
    )
    session.screen.result(LabView(lab.name, lab.hosts, lab.faults.active()))


@command(app, "output")
def down(
    session: Session,
    name: LabName = "lab",
    all_: Annotated[bool, typer.Option("--all", help="Every lab of this machine.")] = False,
) -> None:
    """Remove the lab: every process, network and file of it. Twice does no harm."""
    with none_is_well(session):
        for lab in wiring.labs() if all_ else (wiring.lab(name),):
            lab.down()
            session.screen.say(f"lab {lab.name} is gone")


@command(app, "output")
def status(
    session: Session,
    name: Annotated[
        str | None, typer.Option("--name", help="Which lab; left out: all of them.")
    ] = None,
) -> None:
    """The hosts, whether they run, and the faults that are active."""
    labs = (wiring.lab(name),) if name else wiring.labs()
    views = [LabView(lab.name, lab.hosts, lab.faults.active()) for lab in labs]
    session.screen.result(LabsView(views))


@command(app, name="exec")
def exec_(
    session: Session,
    host: Annotated[str, typer.Argument(autocompletion=complete_hosts)],
    words: Annotated[list[str], typer.Argument(metavar="COMMAND")],
    name: LabName = "lab",
    timeout: Annotated[float, typer.Option(help="Seconds.")] = 60.0,
    stdin: Annotated[bool, typer.Option("--stdin", "-i", help="Pass standard input on.")] = False,
) -> Exit:
    """Run a command as root on a host, even on one that is cut off from the network."""
    text = sys.stdin.read() if stdin else None
    done = wiring.lab(name).exec(host, words, timeout=timeout, text=text)
    if done.stdout:
        session.screen.text(done.stdout)
    sys.stderr.write(done.stderr)
    return Exit.DONE if done.returncode == 0 else Exit.FAILED


@command(app)
def ssh(
    session: Session,  # noqa: ARG001
    host: Annotated[str, typer.Argument(autocompletion=complete_hosts)],
    name: LabName = "lab",
    user: Annotated[str, typer.Option(help="root, ops or nosudo.")] = "root",
) -> None:
    """Open a shell on a host."""
    call = wiring.lab(name).ssh(host, user)
    os.execvp(call[0], call)  # noqa: S606 - no shell is wanted
