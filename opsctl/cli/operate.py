"""The verbs of a service: each makes a plan, shows it, asks, and lets the runner run it."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.changing import DryRun, MaxImpact, SkipUnreachable, Terms, Verbose, Yes, carry_out
from opsctl.cli.command import command, new_app
from opsctl.cli.completing import members as complete_members
from opsctl.cli.completing import services as complete_services
from opsctl.cli.session import Session
from opsctl.errors import Exit
from opsctl.flow.applying import apply_plan
from opsctl.flow.destroying import scale_plan
from opsctl.flow.operating import failover_plan, restart_plan, switchover_plan
from opsctl.flow.parts import Parts
from opsctl.flow.survey import Survey
from opsctl.planning.plan import Plan

app = new_app()
Service = Annotated[str, typer.Argument(autocompletion=complete_services)]
To = Annotated[str, typer.Option(metavar="MEMBER", help="Left out: the best replica.")]


@command(app, "spec", "output")
def switchover(
    session: Session,
    service: Service,
    to: To = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    max_impact: MaxImpact = None,
) -> Exit:
    """Move the primary role while its holder helps: nothing that was acknowledged is lost."""
    parts = session.parts()
    made = switchover_plan(parts, service, to)
    return _carry_out(session, parts, made, Terms(yes, max_impact, dry_run=dry_run))


@command(app, "spec", "output")
def failover(
    session: Session,
    service: Service,
    to: To = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    max_impact: MaxImpact = None,
    skip_unreachable: SkipUnreachable = False,
) -> Exit:
    """Move the primary role without its holder's help: the newest writes may be lost."""
    parts = session.parts()
    made = failover_plan(parts, service, to)
    terms = Terms(yes, max_impact, skip_unreachable, dry_run)
    return _carry_out(session, parts, made, terms)


@command(app, "spec", "output")
def restart(
    session: Session,
    names: Annotated[
        list[str],
        typer.Argument(metavar="SERVICE[/MEMBER]", autocompletion=complete_members),
    ],
    dry_run: DryRun = False,
    yes: Yes = False,
    max_impact: MaxImpact = None,
    skip_unreachable: SkipUnreachable = False,
) -> Exit:
    """Restart members, one at a time, the primary last and after a switchover."""
    parts = session.parts()
    made = restart_plan(parts, tuple(names))
    terms = Terms(yes, max_impact, skip_unreachable, dry_run)
    return _carry_out(session, parts, made, terms)


@command(app, "spec", "output")
def scale(
    session: Session,
    service: Service,
    replicas: Annotated[int, typer.Argument(min=1, help="How many there shall be.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    max_impact: MaxImpact = None,
    skip_unreachable: SkipUnreachable = False,
    verbose: Verbose = False,
) -> Exit:
    """Change how many members a service has, one joining or leaving at a time.

    The spec's file stays as it is: write the number there too, or the next apply changes it back.
    """
    parts = session.parts()
    made = scale_plan(parts, service, replicas)
    terms = Terms(yes, max_impact, skip_unreachable, dry_run, verbose)
    return _carry_out(session, parts, made, terms)


def _carry_out(session: Session, parts: Parts, made: tuple[Plan, Survey], terms: Terms) -> Exit:
    plan, seen = made
    return carry_out(
        session,
        plan,
        seen,
        terms,
        lambda consent, events, stop: apply_plan(parts, plan, seen, consent, events, stop),
    )
