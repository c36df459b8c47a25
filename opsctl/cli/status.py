"""`opsctl status` and `opsctl history`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session
from opsctl.cli.views.history import HistoryView
from opsctl.cli.views.status import StatusView
from opsctl.errors import Exit
from opsctl.flow import watching
from opsctl.flow.parts import Parts, unknown
from opsctl.flow.watching import Status

app = new_app()
_EVERY = 2.0  # seconds between two looks of --watch


@command(app, "spec", "limit", "output")
def status(
    session: Session,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 3 when a service is not healthy.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.2, max=3600, metavar="SECONDS", help="Between two looks.")
    ] = _EVERY,
) -> Exit:
    """Members, roles, lag, numbers and alerts; unfinished work and who holds the lock come first.

    Numbers are those of the environment's own Prometheus; without one they are not there.
    """
    parts = session.parts()
    if watch:
        return _watch(session, parts, interval)
    now = _look(session, parts)
    session.screen.result(StatusView(now, time.time(), session.flags))
    return now.exit if check or now.exit is Exit.UNOBSERVED else Exit.DONE


def _look(session: Session, parts: Parts) -> Status:
    return _limited(watching.status(parts), session.options.limit)


def _watch(session: Session, parts: Parts, interval: float) -> Exit:
    """Looks again and again until Ctrl-C: that is how it ends, and no failure."""
    try:
        with session.screen.watching() as show:
            while True:
                begun = time.monotonic()
                show(StatusView(_look(session, parts), time.time(), session.flags))
                time.sleep(max(0.0, interval - (time.monotonic() - begun)))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


@command(app, "verbose", "spec", "output")
def history(
    session: Session,
    last: Annotated[
        int, typer.Option("--last", "-n", min=1, help="How many records of the journal.")
    ] = 200,
) -> Exit:
    """What was done, when, by whom, how it ended. --verbose shows every step.

    Exit 6: a target can't be asked.
    """
    records, away = watching.history(session.parts(), last)
    session.screen.result(HistoryView(records, session.options.verbose, away))
    return Exit.UNOBSERVED if away else Exit.DONE


def _limited(whole: Status, limit: tuple[str, ...]) -> Status:
    """Only the services and members of --limit; the rest of the status as it is.

    Raises OpsError `spec/unknown-member`.
    """
    if not limit:
        return whole
    there = {one.name: tuple(member.name for member in one.members) for one in whole.services}
    for service_, _, member_ in (name.partition("/") for name in limit):
        if member_ and service_ in there and member_ not in there[service_]:
            raise unknown("member", member_, there[service_])
    services = []
    for service in whole.services:
        members = tuple(
            member
            for member in service.members
            if service.name in limit or f"{service.name}/{member.name}" in limit
        )
        if members:
            services.append(replace(service, members=members))
    return replace(whole, services=tuple(services))
