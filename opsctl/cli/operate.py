"""The verbs of a service: each makes a plan, shows it, asks, and lets the runner run it."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.changing import carry_out, carry_out_plan
from opsctl.cli.command import command, new_app
from opsctl.cli.completing import members as complete_members
from opsctl.cli.completing import services as complete_services
from opsctl.cli.session import Session
from opsctl.errors import Exit
from opsctl.flow.destroying import scale_plan
from opsctl.flow.operating import failover_plan, restart_plan, switchover_plan
from opsctl.flow.upgrading import upgrade as run_upgrade
from opsctl.flow.upgrading import upgrade_plan

app = new_app()
Service = Annotated[str, typer.Argument(autocompletion=complete_services)]
To = Annotated[str, typer.Option(metavar="MEMBER", help="Left out: the best replica.")]


@command(app, "dry-run", "consent", "spec", "output")
def switchover(session: Session, service: Service, to: To = "") -> Exit:
    """Move the primary role while its holder helps: nothing that was acknowledged is lost."""
    parts = session.parts()
    return carry_out_plan(session, parts, switchover_plan(parts, service, to))


@command(app, "dry-run", "consent", "skip-unreachable", "spec", "output")
def failover(session: Session, service: Service, to: To = "") -> Exit:
    """Move the primary role without its holder's help: the newest writes may be lost."""
    parts = session.parts(hasty=True)
    return carry_out_plan(session, parts, failover_plan(parts, service, to))


@command(app, "dry-run", "consent", "skip-unreachable", "spec", "output")
def restart(
    session: Session,
    names: Annotated[
        list[str], typer.Argument(metavar="SERVICE[/MEMBER]", autocompletion=complete_members)
    ],
) -> Exit:
    """Restart members, one at a time, the primary last and after a switchover."""
    parts = session.parts()
    return carry_out_plan(session, parts, restart_plan(parts, tuple(names)))


@command(
    app, "dry-run", "consent", "skip-unreachable", "during-maintenance", "verbose",
    "spec", "output",
)  # fmt: skip
def upgrade(
    session: Session,
    services: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE]...", help="Left out: all.", autocompletion=complete_services
        ),
    ] = None,
) -> Exit:
    """Raise packages to the newest that the spec's versions allow, one member at a time.

    Hosts fetch their package lists even with --dry-run. What was installed is kept in opsctl.lock:
    the file of before and an apply go back.
    """
    made = upgrade_plan(session.parts(), tuple(services or ()))
    return carry_out(
        session,
        made.plan,
        made.seen,
        lambda consent, events, stop: run_upgrade(made, consent, events, stop),
    )


@command(
    app, "dry-run", "consent", "skip-unreachable", "during-maintenance", "verbose",
    "spec", "output",
)  # fmt: skip
def scale(
    session: Session,
    service: Service,
    replicas: Annotated[int, typer.Argument(min=1, help="How many there shall be.")],
) -> Exit:
    """Change how many members a service has, one joining or leaving at a time.

    The spec's file stays as it is: write the number there too, or the next apply changes it back.
    """
    parts = session.parts()
    return carry_out_plan(session, parts, scale_plan(parts, service, replicas))
