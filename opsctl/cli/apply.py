"""`opsctl apply`: make it so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.changing import carry_out_plan, consent_of, run
from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session
from opsctl.errors import Exit, OpsError, SpecError
from opsctl.flow.applying import apply_saved
from opsctl.flow.looking import make_plan
from opsctl.flow.parts import Parts
from opsctl.flow.revisions import resume_plan
from opsctl.planning.plan import Plan
from opsctl.planning.saved import plan_from_json

app = new_app()


@command(
    app, "consent", "prune", "delete-data", "skip-unreachable", "during-maintenance", "verbose",
    "unsupported", "force-conflicts", "spec", "limit", "output",
)  # fmt: skip
def apply(
    session: Session,
    saved: Annotated[
        Path | None, typer.Argument(metavar="PLAN", help="A plan that `plan --out` saved.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the apply that is unfinished.")
    ] = False,
) -> Exit:
    """Make it so: shows the plan and asks. A second apply changes nothing.

    Without a terminal it wants a saved plan or --yes, and does nothing that costs more than a
    reload unless --max-impact allows it. Ctrl-C stops at the next safe point.
    """
    parts = session.parts(advise=True)
    if saved is not None:
        return _apply_saved(session, parts, saved)
    scope = session.scope()
    if resume:
        plan, seen, then = resume_plan(parts, scope)
        return carry_out_plan(session, then, (plan, seen))
    return carry_out_plan(session, parts, make_plan(parts, scope))


def _apply_saved(session: Session, parts: Parts, file: Path) -> Exit:
    if session.options.limit:
        raise SpecError(
            "cli/usage", "a saved plan has its own limits", hint="make the plan with --limit"
        )
    plan = _plan(file)
    consent = consent_of(session, plan.title)
    return run(
        session,
        plan,
        consent,
        lambda agreed, events, stop: apply_saved(parts, plan, agreed, events, stop),
    )


def _plan(file: Path) -> Plan:
    """Raises OpsError plan/* that names the file."""
    try:
        return plan_from_json(_read(file))
    except OpsError as error:
        error.where = error.where or str(file)
        raise


def _read(file: Path) -> str:
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise OpsError("plan/not-readable", reason, where=str(file), exit=Exit.INPUT) from None
    if file.suffix in (".yaml", ".yml"):
        raise OpsError(
            "plan/not-a-plan",
            "this looks like a spec; what stands behind `apply` is a saved plan",
            where=str(file),
            hint=f"opsctl apply -f {file}",
            exit=Exit.INPUT,
        )
    return text
