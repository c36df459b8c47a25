"""`opsctl backup`: what is kept, one more, and whether one is good."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from opsctl.cli.changing import carry_out_plan
from opsctl.cli.command import command, new_app
from opsctl.cli.completing import services as complete_services
from opsctl.cli.session import Session
from opsctl.cli.views.backups import BackupsView
from opsctl.errors import Exit
from opsctl.flow.backing_up import kept, take_plan, verify_plan

app = new_app("Take, list and verify backups; `opsctl restore` brings one back.")
Service = Annotated[str, typer.Argument(autocompletion=complete_services)]


@command(app, "dry-run", "consent", "spec", "output")
def take(session: Session, service: Service) -> Exit:
    """Take a backup now, on the member that the schedule would choose."""
    parts = session.parts()
    return carry_out_plan(session, parts, take_plan(parts, service))


@command(app, "spec", "output", name="list")
def list_(
    session: Session,
    service: Annotated[
        str | None, typer.Argument(help="Left out: all.", autocompletion=complete_services)
    ] = None,
) -> Exit:
    """What is kept where: when it was made, how big, how many keys, and when it was verified."""
    found = kept(session.parts(), service or "")
    session.screen.result(BackupsView(found, time.time()))
    return Exit.UNOBSERVED if any(one.silent for one in found) else Exit.DONE


@command(app, "dry-run", "consent", "spec", "output")
def verify(
    session: Session,
    service: Service,
    backup: Annotated[str, typer.Option(metavar="NAME", help="Left out: the newest.")] = "latest",
) -> Exit:
    """Load a backup into a throw-away server beside its member and count its keys.

    The running service is not touched; the member's host needs the memory for it.
    """
    parts = session.parts()
    return carry_out_plan(session, parts, verify_plan(parts, service, backup))
