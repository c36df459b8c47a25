"""`opsctl drill`: something breaks on purpose while a client writes, and what it felt is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.changing import agreed, concluded, only_shown, performed
from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session
from opsctl.cli.times import duration
from opsctl.cli.views.drill import DrillView, FaultsView, ReportsView
from opsctl.cli.views.report import ReportView
from opsctl.drills.faults import FAULTS
from opsctl.drills.report import Report, from_json, to_json
from opsctl.errors import Exit, OpsError
from opsctl.flow.consent import Consent
from opsctl.flow.drilling import drill_plan, run_drill
from opsctl.flow.parts import Parts
from opsctl.flow.staging import Drill
from opsctl.flow.survey import Survey
from opsctl.planning.plan import Plan
from opsctl.ports import Events
from opsctl.running.context import Stop
from opsctl.running.runner import Report as RunReport

app = new_app("Break something on purpose, and measure what clients felt.")
Name = Annotated[str, typer.Argument(metavar="FAULT", help="One of `opsctl drill list`.")]
RouteName = Annotated[
    str, typer.Option("--route", metavar="NAME", help="The client's route; left out: the only one.")
]
Seconds = Annotated[
    str, typer.Option("--for", metavar="DURATION", help="How long; left out: as listed.")
]
From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="NODE",
        help="Where the client runs; left out: this machine, or where the fault wants it.",
    ),
]
Percent = Annotated[
    int | None, typer.Option(min=1, max=100, metavar="N", help="Of packets lost; else as listed.")
]
Runs = Annotated[
    int, typer.Option(min=1, max=1000, metavar="N", help="One after another, with a summary.")
]
Confirmed = Annotated[
    str, typer.Option("--environment", metavar="NAME", help="The environment's name, as consent.")
]


@command(app, "output", name="list")
def list_(session: Session) -> None:
    """What can be struck, for how long, and how it ends."""
    session.screen.result(FaultsView(FAULTS))


@command(app, "dry-run", "consent", "spec", "output")
def run(
    session: Session,
    fault: Name,
    route: RouteName = "",
    lasting: Seconds = "",
    client: From = "",
    percent: Percent = None,
    runs: Runs = 1,
    environment: Confirmed = "",
) -> Exit:
    """Strike while a client writes through the route, and report what it felt.

    Only where the spec says `drills: allowed`, and with the environment's name. Every fault ends
    by itself, whatever becomes of this command.

    Exit 0: passed, or no slo to judge by. 3: failed. 1: no result, nothing was struck. 4: refused.
    5: measured, but the service is not whole again; or no result, but the primary has moved.
    """
    parts = session.parts()
    seconds = duration("--for", lasting, least=0.1).seconds if lasting else 0.0

    def plan_anew() -> tuple[Plan, Survey, Drill]:
        return drill_plan(parts, fault, route, seconds=seconds, client=client, percent=percent or 0)

    made = plan_anew()
    plan, seen, _ = made
    if session.options.dry_run:
        return only_shown(session, plan, seen)
    _confirm(session, parts, environment)
    consent = agreed(session, plan, seen)
    told: list[Report] = []
    for number in range(runs):
        if number:
            session.screen.say(f"run {number + 1} of {runs}")
            made = plan_anew()
        ended, measured = _once(session, parts, made, consent)
        if measured is not None:
            _keep(parts, measured)
            told.append(measured)
        if ended.error is not None:
            break
    _show(session, plan, ended, told, several=runs > 1)
    return _exit(ended, told)


def _once(
    session: Session, parts: Parts, made: tuple[Plan, Survey, Drill], consent: Consent
) -> tuple[RunReport, Report | None]:
    from opsctl import wiring

    measured: list[Report | None] = []

    def work(consent: Consent, events: Events, stop: Stop) -> RunReport:
        ended, report = run_drill(parts, made, consent, events, stop, wiring.start)
        measured.append(report)
        return ended

    return performed(session, consent, work), measured[0]


def _confirm(session: Session, parts: Parts, given: str) -> None:
    """Raises drills/unconfirmed without the environment's name."""
    name = parts.environment.name
    if given != name:
        raise OpsError(
            "drills/unconfirmed",
            f"a drill wants the environment's name, {name}" + (f", not {given}" if given else ""),
            hint=session.words(f"drill run ... --environment {name}"),
            exit=Exit.REFUSED,
        )


def _keep(parts: Parts, report: Report) -> None:
    from opsctl import wiring

    reports = wiring.drill_reports(parts.environment.id)
    reports.keep(f"{int(report.wall)}-{report.fault}-{report.drill}", to_json(report))


def _show(
    session: Session, plan: Plan, ended: RunReport, told: list[Report], *, several: bool
) -> None:
    if several and told:
        concluded(session, ReportsView(told))
    elif told:
        concluded(session, _view(session, told[0]))
    else:
        concluded(session, ReportView(plan, ended, 0.0))


def _view(session: Session, report: Report) -> DrillView:
    return DrillView(report, session.words(f"drill report {report.drill} --html FILE"))


def _exit(ended: RunReport, told: list[Report]) -> Exit:
    """The worst of all runs."""
    if ended.exit is not Exit.DONE:
        return ended.exit
    results = {one.verdict.result for one in told}
    if "failed" in results:
        return Exit.DIFFERS
    return Exit.FAILED if "no result" in results else Exit.DONE


@command(app, "spec", "plan-output")
def report(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="ID", help="Left out: the newest.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="One line for each, and a summary by fault.")
    ] = False,
) -> None:
    """What a drill measured: for people, as JSON, Markdown or a page with its timeline."""
    from opsctl import wiring

    kept = wiring.drill_reports(session.environment().id)
    if every:
        session.screen.result(ReportsView([from_json(kept.text(one)) for one in kept.names()]))
        return
    found = from_json(kept.text(name))
    if html is None:
        session.screen.result(_view(session, found))
        return
    from opsctl.data import folder
    from opsctl.drills.page import page

    template = folder("templates") / "drills" / "report.html.j2"
    try:
        html.write_text(page(found, template.read_text()))
    except OSError as error:
        words = f"{error.filename}: {error.strerror}"
        raise OpsError("drills/report", words, hint="--html FILE", exit=Exit.INPUT) from None
    session.screen.say(f"wrote {html}")
