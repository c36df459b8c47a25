"""What the commands that change something share: their options, consent, progress, the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import typer

from opsctl.cli.session import Session
from opsctl.cli.signals import stopping
from opsctl.cli.views.plan import PlanView
from opsctl.cli.views.progress import Progress
from opsctl.cli.views.report import ReportView
from opsctl.errors import Exit
from opsctl.flow.consent import Consent, agree
from opsctl.flow.survey import Survey
from opsctl.planning.plan import Plan
from opsctl.planning.resource import Impact
from opsctl.ports import Events
from opsctl.running.context import Stop
from opsctl.running.runner import Report

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
MaxImpact = Annotated[
    Literal["none", "reload", "restart", "failover"] | None,
    typer.Option(help="Refuse what costs more. Without a terminal: reload."),
]
SkipUnreachable = Annotated[
    bool, typer.Option("--skip-unreachable", help="Go on without places that can't be seen.")
]
DeleteData = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="The service or member whose data may go; repeatable."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show every single change.")]

Work = Callable[[Consent, Events, Stop], Report]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the person who typed the command allows."""

    yes: bool = False
    max_impact: str | None = None
    skip_unreachable: bool = False
    dry_run: bool = False
    verbose: bool = False

    def consent(self, session: Session, title: str) -> Consent:
        """With a question where somebody is there to answer it."""
        screen = session.screen
        question = f"{title[:1].upper()}{title[1:]}?"
        return Consent(
            yes=self.yes,
            max_impact=Impact[self.max_impact.upper()] if self.max_impact else None,
            ask=(lambda: screen.ask(question)) if screen.interactive else None,
            skip_unreachable=self.skip_unreachable,
        )


def carry_out(session: Session, plan: Plan, seen: Survey, terms: Terms, work: Work) -> Exit:
    """Shows the plan, asks, does the work and says how it ended; with --dry-run only shows it."""
    view = PlanView(plan, away=seen.observation.unreachable, verbose=terms.verbose)
    if terms.dry_run:
        session.screen.result(view)
        return plan_exit(plan)
    if not plan.empty:
        session.screen.show(view)
    consent = terms.consent(session, plan.title)
    agree(plan, consent)
    return run(session, plan, replace(consent, yes=True), work)


def run(session: Session, plan: Plan, consent: Consent, work: Work) -> Exit:
    """Does the work, with progress; Ctrl-C and SIGTERM stop it at the next safe point."""
    began = time.monotonic()
    progress = Progress(session.screen)
    with stopping(session.screen, progress.waiting_for) as stop, progress.shown():
        report = work(consent, progress, stop)
    if report.error is not None:
        session.screen.error(report.error)
    session.screen.result(ReportView(plan, report, time.monotonic() - began))
    return report.exit


def plan_exit(plan: Plan, *, differs: bool = False) -> Exit:
    """What a plan that is only shown ends with; `differs`: changes give exit 3."""
    if plan.unreachable:
        return Exit.UNOBSERVED
    if plan.blocked:
        return Exit.REFUSED
    return Exit.DIFFERS if differs and not plan.empty else Exit.DONE
