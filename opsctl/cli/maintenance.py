"""`opsctl maintenance`: hold a service as it is for a while, end that, or list what is held."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from opsctl.cli.changing import carry_out_plan
from opsctl.cli.command import command, new_app
from opsctl.cli.completing import services as complete_services
from opsctl.cli.session import Session
from opsctl.cli.views.maintenance import MaintenanceView
from opsctl.errors import Exit, SpecError
from opsctl.flow.maintaining import end_plan, hold_plan
from opsctl.flow.watching import status
from opsctl.model import Duration

app = new_app()


@command(app, "dry-run", "yes", "spec", "output")
def maintenance(
    session: Session,
    service: Annotated[
        str | None, typer.Argument(help="Left out: list.", autocompletion=complete_services)
    ] = None,
    time_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="How long, such as 2h.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; everybody who looks is told.")] = "",
    end: Annotated[bool, typer.Option("--end", help="End it now.")] = False,
) -> Exit:
    """Hold a service as it is: no failover by itself, no apply, for a while.

    The hosts end it by themselves when the time is over, also after a reboot. Said again it gets a
    new end. Exit 5: a host was gone on without. 6: a part that can't be asked may hold one, too.
    """
    if service is None:
        return _list(session, time_, reason, end)
    if end == bool(time_):
        raise SpecError("cli/usage", "say either --for TIME or --end", hint="--for 2h --reason ...")
    if time_ and not reason:
        raise SpecError("cli/usage", "say why: others will find it held", hint="--reason TEXT")
    parts = session.parts()
    made = hold_plan(parts, service, _time(time_), reason) if time_ else end_plan(parts, service)
    return carry_out_plan(session, parts, made)


def _list(session: Session, time_: str | None, reason: str, end: bool) -> Exit:
    if time_ or reason or end:
        hint = "opsctl maintenance SERVICE ..."
        raise SpecError("cli/usage", "which service is not said", hint=hint)
    now = status(session.parts())
    view = MaintenanceView(now.environment, now.maintenance, time.time(), now.unreachable)
    session.screen.result(view)
    return now.unseen


def _time(text: str) -> Duration:
    """Raises SpecError `cli/usage` for what is no time of a second or more."""
    try:
        found = Duration.parse(text)
    except ValueError as error:
        raise SpecError("cli/usage", f"--for {text}: {error}", hint="such as 30m or 2h") from None
    if found.seconds < 1:
        raise SpecError("cli/usage", f"--for {text} is too short", hint="such as 30m or 2h")
    return found
