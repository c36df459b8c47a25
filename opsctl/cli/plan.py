"""`opsctl plan` and `opsctl drift`: look, compare, show; change nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.exits import drift_exit, plan_exit
from opsctl.cli.session import Session
from opsctl.cli.views.plan import PlanView
from opsctl.errors import Exit, OpsError
from opsctl.flow.looking import make_plan
from opsctl.flow.survey import Survey
from opsctl.planning.plan import Plan
from opsctl.planning.saved import plan_to_json

app = new_app()


@command(
    app, "prune", "delete-data", "verbose", "unsupported", "force-conflicts", "spec", "limit",
    "plan-output",
)  # fmt: skip
def plan(
    session: Session,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the plan, for `opsctl apply FILE`.")
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 3 when something would change.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what the services promise, and worst cases.")
    ] = False,
) -> Exit:
    """Show what would change, and what it would cost. Changes nothing.

    Exit 6 when a part could not be seen, 4 when an apply would be refused. --output json prints
    the format of saved plans.
    """
    made, seen = make_plan(session.parts(advise=True), session.scope())
    if out is not None:
        save(made, out)
        session.screen.say(f"saved to {out}")
    notes = _notes(seen) if explain else {}
    following = _following(session, made, out)
    away = seen.observation.unreachable
    verbose = session.options.verbose
    session.screen.result(PlanView(made, away, notes, verbose=verbose, following=following))
    return plan_exit(made, differs=exit_code)


@command(app, "verbose", "unsupported", "spec", "limit", "plan-output")
def drift(session: Session) -> Exit:
    """Show what differs from the spec: exit 3 when something does, 6 when a part can't be seen."""
    made, seen = make_plan(session.parts(), session.scope(), "drift")
    following = _following(session, made, None)
    away = seen.observation.unreachable
    verbose = session.options.verbose
    session.screen.result(PlanView(made, away, verbose=verbose, following=following))
    return drift_exit(made)


def save(made: Plan, file: Path) -> None:
    """Writes the plan for `apply FILE`, readable by its owner alone. Raises `plan/unwritable`."""
    text = json.dumps(plan_to_json(made), indent=1)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text + "\n")
    except OSError as error:
        raise OpsError("plan/unwritable", error.strerror or str(error), where=str(file)) from None


def _notes(seen: Survey) -> Mapping[str, Sequence[str]]:
    return {name: workload.notes for name, (_, workload) in seen.desired.workloads.items()}


def _following(session: Session, made: Plan, out: Path | None) -> str:
    if made.empty or made.blocked or made.withheld:
        return ""
    if made.uncompared:
        return session.words("secrets init")
    if made.unreachable:
        return session.words("apply --skip-unreachable")
    return session.words(f"apply {out}" if out else "apply")
