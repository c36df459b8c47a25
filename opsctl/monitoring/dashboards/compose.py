"""Which dashboards an environment has: one of it all, one per service, one per kind of server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from opsctl.model import Environment
from opsctl.monitoring.copies import copies
from opsctl.monitoring.dashboards.document import Board, Panel, Row
from opsctl.monitoring.dashboards.naming import service_uid, uid
from opsctl.monitoring.dashboards.variables import (
    Variable,
    constants,
    of_hosts,
    of_members,
)
from opsctl.workload import Workload

OVERVIEW, SERVICE = "environment", "service"  # the names of the data that every environment uses
Boards = Mapping[str, Board]

_HERE = 'environment="$environment"'
_PLACE = re.compile(r"\{\{ (routes|tries|backups) \}\}")
_OF_JOB = re.compile(r"(\{\{\s*(?:selector|in_service)\s*\}\})")
_CHOICES: Mapping[str, Callable[[str, str], tuple[Variable, ...]]] = {
    "member": of_members,
    "host": of_hosts,
    "environment": lambda environment, _: constants(environment),
}


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard of an environment. `subject`: the service, or the kind of server ("redis");
    "" of the overview."""

    uid: str
    kind: Literal["environment", "service", "servers"]
    subject: str
    title: str
    board: Board
    variables: tuple[Variable, ...]

    @property
    def file(self) -> str:
        """A name for it as a file, unique in its environment."""
        return "-".join(word for word in (self.kind, self.subject) if word)


def compose(
    environment: Environment, workloads: Mapping[str, Workload], boards: Boards
) -> tuple[Dashboard, ...]:
    """Every dashboard, the overview first. `boards` holds what dashboards/NAME.yaml say; a kind of
    server without one has none of its own."""
    boards = {name: with_job(board, name) for name, board in boards.items()}
    watched = {name: one for name, one in sorted(workloads.items()) if one.signals is not None}
    return (
        _overview(environment, boards[OVERVIEW]),
        *(_service(environment, name, watched, boards) for name in watched),
        *_servers(environment, watched, boards),
    )


def _overview(environment: Environment, board: Board) -> Dashboard:
    return Dashboard(
        uid(environment.id, OVERVIEW),
        "environment",
        "",
        f"{environment.name}: overview",
        board,
        constants(environment.name),
    )


def _service(
    environment: Environment, name: str, watched: Mapping[str, Workload], boards: Boards
) -> Dashboard:
    signals = watched[name].signals
    assert signals is not None
    places = _places(environment, name, watched)
    rows = tuple(_rows(environment, name, boards.get(signals.catalogue), boards[SERVICE], places))
    return Dashboard(
        service_uid(environment.id, name),
        "service",
        name,
        f"{environment.name}: {name}",
        boards[SERVICE].model_copy(update={"rows": rows}),
        of_members(environment.name, "", name),
    )


def _places(
    environment: Environment, name: str, watched: Mapping[str, Workload]
) -> Mapping[str, str]:
    """What selects that which others say of the service (balancers, probes, jobs), if any do."""
    routes = {
        route: one.via
        for route, one in sorted(environment.routes.items())
        if one.to == name and one.via in watched
    }
    found = {}
    if routes:
        pools = "|".join(sorted({str(via) for via in routes.values()}))
        found["routes"] = f'{_HERE},service=~"{pools}",proxy=~"{"|".join(routes)}"'
    if routes and environment.services[name].probed and _probes(environment, name, watched):
        found["tries"] = f'{_HERE},to="{name}"'
    if copies(environment.name, watched[name]) is not None:
        found["backups"] = f'{_HERE},of_service="{name}"'
    return found


def _probes(environment: Environment, name: str, watched: Mapping[str, Workload]) -> bool:
    on = environment.services[name].on
    return any(
        environment.services[one].probes and environment.services[one].on == on for one in watched
    )


def _rows(
    environment: Environment, name: str, own: Board | None, board: Board, places: Mapping[str, str]
) -> Iterator[Row]:
    slo = environment.services[name].slo
    has = {
        "": True,
        "route": "routes" in places,
        "slo": "routes" in places and slo is not None and slo.availability,
        "probe": "tries" in places,
        "backup": "backups" in places,
    }
    for row in board.rows:
        if not has[row.needs]:
            continue
        if not row.essentials:
            yield _panels(row, lambda expr: _PLACE.sub(lambda hole: places[hole[1]], expr))
        elif own is not None and own.per == "member":
            yield row.model_copy(update={"title": own.title, "panels": essentials(own)})


def with_job(board: Board, name: str) -> Board:
    """The same, asking only the kind of server that it is about: a member may have several, such as
    a Redis and a Sentinel, that give metrics of the same name."""
    if board.per != "member" or name == SERVICE:
        return board
    mark = f'\\1,job="{board.job or name}"'
    rows = tuple(_panels(row, lambda expr: _OF_JOB.sub(mark, expr)) for row in board.rows)
    return board.model_copy(update={"rows": rows})


def _panels(row: Row, change: Callable[[str], str]) -> Row:
    """The same with every expression changed."""
    return row.model_copy(update={"panels": tuple(_changed(one, change) for one in row.panels)})


def _changed(panel: Panel, change: Callable[[str], str]) -> Panel:
    queries = tuple(
        query.model_copy(update={"expr": change(query.expr)}) for query in panel.queries
    )
    return panel.model_copy(update={"queries": queries})


def essentials(board: Board) -> tuple[Panel, ...]:
    """What one wants to know of such a server first."""
    return tuple(panel for panel in board.panels() if panel.essential)


def _servers(
    environment: Environment, watched: Mapping[str, Workload], boards: Boards
) -> Iterator[Dashboard]:
    names = {one.signals.catalogue for one in watched.values() if one.signals is not None}
    for name in sorted(names & boards.keys()):
        board = boards[name]
        job = board.job or name
        yield Dashboard(
            uid(environment.id, "all", name),
            "servers",
            name,
            f"{environment.name}: {board.title}",
            board,
            _CHOICES[board.per](environment.name, job),
        )
