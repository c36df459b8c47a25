"""`opsctl destroy` and `opsctl rollback`: each a plan, shown and asked for like any other."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.changing import carry_out_plan
from opsctl.cli.command import command, new_app
from opsctl.cli.completing import services as complete_services
from opsctl.cli.session import Session
from opsctl.errors import Exit
from opsctl.flow.destroying import destroy_plan
from opsctl.flow.revisions import rollback_plan

app = new_app()


@command(
    app, "delete-data", "dry-run", "consent", "skip-unreachable", "during-maintenance", "verbose",
    "spec", "output",
)  # fmt: skip
def destroy(
    session: Session,
    services: Annotated[
        list[str] | None,
        typer.Argument(help="Left out: all of them.", autocompletion=complete_services),
    ] = None,
) -> Exit:
    """Take services down. Data stays unless its name is given with --delete-data."""
    parts = session.parts()
    made = destroy_plan(parts, tuple(services or ()), frozenset(session.options.delete_data))
    return carry_out_plan(session, parts, made)


@command(
    app, "dry-run", "consent", "skip-unreachable", "during-maintenance", "verbose",
    "spec", "output",
)  # fmt: skip
def rollback(
    session: Session,
    revision: Annotated[
        int | None, typer.Argument(help="As `opsctl history` shows it; left out: the one before.")
    ] = None,
) -> Exit:
    """Go back to an earlier revision of the spec, which the targets keep.

    The file of the spec stays as it is: mend it afterwards, or the next apply goes forward again.
    """
    plan, seen, then = rollback_plan(session.parts(), revision)
    return carry_out_plan(session, then, (plan, seen))
