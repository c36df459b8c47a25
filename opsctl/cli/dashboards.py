"""`opsctl dashboards`: which there are, into Grafana, and whether they show anything."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl import __version__, wiring
from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session
from opsctl.cli.views.dashboards import CheckedView, ComparedView, DashboardsView, PushedView
from opsctl.errors import Exit
from opsctl.flow import dashboards as flow

app = new_app("Grafana dashboards of every service: list, compare, push, check.")
Source = Annotated[
    str, typer.Option("--datasource", metavar="NAME", help="The data source that panels ask.")
]
Prometheus = Annotated[
    str, typer.Option("--prometheus", metavar="URL", help="Left out: the environment's own.")
]
_RECENT = 500  # records of the journal that a push looks at


@command(app, "spec", "output", name="list")
def list_(session: Session) -> None:
    """Which dashboards the spec asks for, and what each answers."""
    parts = session.parts()
    made = flow.dashboards(parts, wiring.boards())
    grafana = parts.environment.grafana
    server = grafana.url.rstrip("/") if grafana is not None else ""
    session.screen.result(DashboardsView(made, server))


@command(app, "spec", "output")
def diff(session: Session, datasource: Source = "") -> Exit:
    """What a push would change, and what somebody edited by hand; exit 3 when something differs."""
    push = wiring.pushing(session.parts(), datasource)
    view = ComparedView(push.grafana.where, push.compare())
    session.screen.result(view)
    return Exit.DIFFERS if view.different else Exit.DONE


@command(app, "dry-run", "prune", "spec", "output")
def push(
    session: Session,
    datasource: Source = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also what somebody edited by hand.")
    ] = False,
    changes: Annotated[
        bool, typer.Option(help="Write the journal's changes as annotations.")
    ] = True,
) -> Exit:
    """Write what differs into the environment's folder. Twice changes nothing.

    Only what carries opsctl's tags is ever changed; what somebody edited is left and named.
    """
    work = wiring.pushing(session.parts(), datasource)
    if session.options.dry_run:
        view = ComparedView(work.grafana.where, work.compare())
        session.screen.result(view)
        return Exit.DONE
    done = work.push(
        __version__, overwrite=overwrite, prune=session.options.prune, recent=_RECENT * changes
    )
    session.screen.result(PushedView(done))
    return done.exit


@command(app, "spec", "output")
def check(session: Session, prometheus: Prometheus = "") -> Exit:
    """Ask the live Prometheus every query of every panel for every choice; exit 3 for an empty one.

    An empty panel is no failure where its file says why it may be (an error that never happened).
    """
    parts = session.parts()
    made = flow.dashboards(parts, wiring.boards())
    with wiring.metrics(parts, prometheus) as metrics:
        done = flow.check(made, metrics)
    session.screen.result(CheckedView(done))
    return Exit.DIFFERS if done.blank else Exit.DONE
