"""`opsctl restore`: a backup in the place of a service's data."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.changing import carry_out_plan
from opsctl.cli.command import command, new_app
from opsctl.cli.completing import services as complete_services
from opsctl.cli.session import Session
from opsctl.errors import Exit
from opsctl.flow.backing_up import restore_plan

app = new_app()


@command(app, "dry-run", "consent", "delete-data", "spec", "output")
def restore(
    session: Session,
    service: Annotated[str, typer.Argument(autocompletion=complete_services)],
    backup: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="A name from `opsctl backup list`, latest, or before-TIME (UTC)."
        ),
    ],
) -> Exit:
    """Replace a service's data by a backup. Wants --delete-data SERVICE.

    What is there is kept as one more backup first. The servers go on running; writes are refused
    while the data is copied. Broken off, it is begun again with the same words.
    """
    parts = session.parts()
    made = restore_plan(parts, service, backup, frozenset(session.options.delete_data))
    return carry_out_plan(session, parts, made)
