"""What the commands that change something share: consent, progress, the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from opsctl.cli.exits import plan_exit
from opsctl.cli.session import Session
from opsctl.cli.signals import stopping
from opsctl.cli.views.plan import PlanView
from opsctl.cli.views.progress import Progress
from opsctl.cli.views.report import ReportView
from opsctl.cli.views.view import View
from opsctl.errors import Exit, OpsError
from opsctl.flow.applying import apply_plan
from opsctl.flow.consent import Consent, agree
from opsctl.flow.parts import Parts
from opsctl.flow.survey import Survey
from opsctl.planning.plan import Plan
from opsctl.planning.resource import Impact
from opsctl.ports import Events
from opsctl.running.context import Stop
from opsctl.running.runner import Report

Work = Callable[[Consent, Events, Stop], Report]


def consent_of(session: Session, title: str) -> Consent:
    """What the options allow, with a question where somebody is there to answer it."""
    given, screen = session.options, session.screen
    question = f"{title[:1].upper()}{title[1:]}?"
    return Consent(
        yes=given.yes,
        max_impact=Impact[given.max_impact.upper()] if given.max_impact else None,
        ask=(lambda: screen.ask(question)) if screen.interactive else None,
        skip_unreachable=given.skip_unreachable,
        during_maintenance=given.during_maintenance,
    )


def carry_out(session: Session, plan: Plan, seen: Survey, work: Work) -> Exit:
    """Shows the plan, asks, does the work and says how it ended; with --dry-run only shows it."""
    if session.options.dry_run:
        return only_shown(session, plan, seen)
    return run(session, plan, agreed(session, plan, seen), work)


def carry_out_plan(session: Session, parts: Parts, made: tuple[Plan, Survey]) -> Exit:
    """The same for a plan that is applied as it is."""
    plan, seen = made
    return carry_out(
        session,
        plan,
        seen,
        lambda consent, events, stop: apply_plan(parts, plan, seen, consent, events, stop),
    )


def only_shown(session: Session, plan: Plan, seen: Survey) -> Exit:
    """The plan as the command's result: --dry-run."""
    session.screen.result(_view(session, plan, seen))
    return plan_exit(plan)


def agreed(session: Session, plan: Plan, seen: Survey) -> Consent:
    """Shows the plan and asks. Raises OpsError without consent."""
    if not plan.empty:
        session.screen.show(_view(session, plan, seen))
    consent = consent_of(session, plan.title)
    agree(plan, consent)
    return replace(consent, yes=True)


def _view(session: Session, plan: Plan, seen: Survey) -> PlanView:
    return PlanView(plan, away=seen.observation.unreachable, verbose=session.options.verbose)


def run(session: Session, plan: Plan, consent: Consent, work: Work) -> Exit:
    """Does the work, with progress, and says how it ended."""
    began = time.monotonic()
    report = performed(session, consent, work)
    concluded(session, ReportView(plan, report, time.monotonic() - began))
    return report.exit


def concluded(session: Session, view: View) -> None:
    """The result of work that was done: the exit code tells of the work, whether or not there was
    room for the result."""
    try:
        session.screen.result(view)
    except OpsError as unwritten:
        session.screen.error(unwritten)


def performed(session: Session, consent: Consent, work: Work) -> Report:
    """Does the work, with progress; a signal stops it at the next safe point."""
    progress = Progress(session.screen)
    with stopping(session.screen, progress.waiting_for) as stop, progress.shown():
        report = work(consent, progress, stop)
    if report.error is not None:
        session.screen.error(report.error)
    return report
