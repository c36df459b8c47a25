"""How things stand: what is unfinished first, then services, nodes, problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.text import Text

from opsctl.cli.views.backups import schedule_data, schedule_words
from opsctl.cli.views.certificates import certificate_data, soon_lines
from opsctl.cli.views.errors import away_lines, error_data
from opsctl.cli.views.lines import BAD, DIM, GOOD, STRONG, WARN, Piece, line, size_words, table
from opsctl.cli.views.maintenance import maintenance_data, maintenance_lines
from opsctl.cli.views.nodes import fact_words, node_data, problem_data, problem_lines
from opsctl.cli.views.routes import route_data, route_lines
from opsctl.cli.views.unfinished import (
    holder_data,
    holder_lines,
    unfinished_data,
    unfinished_lines,
)
from opsctl.cli.views.view import View
from opsctl.flow.reading import Live
from opsctl.flow.watching import ComponentStatus, MemberStatus, ServiceStatus, Status
from opsctl.workload import Standing

_VERDICTS = {"ok": GOOD, "warn": WARN, "bad": f"bold {BAD}", "plain": ""}
_COLUMNS = ("MEMBER", "PROCESS", "ROLE", "READY", "LAG", "FOLLOWING", "HOST", "ADDRESS")


@dataclass(frozen=True, slots=True)
class StatusView(View):
    """`now` is in seconds since the epoch; `flags` name the spec in the commands shown."""

    status: Status
    now: float
    flags: str = ""

    def lines(self) -> Iterable[Text]:
        status = self.status
        revision = f"  revision {status.revision}" if status.revision else ""
        yield from maintenance_lines(status.maintenance, self.now)
        if status.unfinished is not None:
            yield from unfinished_lines(status.unfinished, status.holder, self.now, self.flags)
        if status.holder is not None:
            yield from holder_lines(status.holder, self.now)
        yield line((status.environment, STRONG), (revision, DIM))
        for service in status.services:
            yield Text()
            yield from _service_lines(service, self.now)
        if status.routes:
            yield Text()
            yield from route_lines(status.routes)
        yield from soon_lines(status.certificates)
        yield from self._nodes()
        yield from away_lines(status.unreachable)
        yield from problem_lines(status.problems)

    def data(self) -> object:
        status = self.status
        return {
            "environment": status.environment,
            "revision": status.revision,
            "healthy": status.exit == 0,
            "maintenance": [maintenance_data(one) for one in status.maintenance],
            "unfinished": unfinished_data(status.unfinished, self.flags),
            "lock": holder_data(status.holder),
            "services": [_service_data(service) for service in status.services],
            "routes": [route_data(route) for route in status.routes],
            "certificates": [certificate_data(one) for one in status.certificates],
            "nodes": [node_data(node) for node in status.nodes],
            "unreachable": [error_data(error) for error in status.unreachable],
            "problems": [problem_data(problem) for problem in status.problems],
        }

    def _nodes(self) -> Iterator[Text]:
        if not self.status.nodes:
            return
        yield Text()
        rows = [(node.where, node.system, fact_words(node)) for node in self.status.nodes]
        yield from table(("NODE", "SYSTEM", ""), rows)


def _service_lines(service: ServiceStatus, now: float) -> Iterator[Text]:
    state = (service.trouble, f"bold {BAD}") if service.trouble else ("healthy", GOOD)
    yield line((service.name, STRONG), (f"  {service.engine} on {service.target}  ", DIM), state)
    rows = [
        _row(member, component, first=number == 0)
        for member in service.members
        for number, component in enumerate(member.components)
    ]
    yield from table(_COLUMNS, rows)
    if service.live is not None:
        yield from _live_lines(service.live)
    if service.kept is not None:
        yield line("  ", schedule_words(service.kept, now))


def _live_lines(live: Live) -> Iterator[Text]:
    """What is measured now: names dim, numbers in the colour of their thresholds."""
    if live.readings:
        pieces: list[Piece] = ["  "]
        for number, one in enumerate(live.readings):
            pieces += ["  " if number else "", (f"{one.title.lower()} ", DIM)]
            pieces.append((one.text, _VERDICTS[one.verdict]))
        yield line(*pieces)
    if live.firing:
        alerts = "alert firing" if len(live.firing) == 1 else "alerts firing"
        yield line("  ", (f"{len(live.firing)} {alerts}: ", f"bold {BAD}"), ", ".join(live.firing))


def _row(member: MemberStatus, component: ComponentStatus, *, first: bool) -> list[Piece]:
    host = member.where.partition("/")[2] or member.where
    ends: list[Piece] = [host if first else "", member.address if first else ""]
    name: Piece = member.name if first else ""
    standing = component.standing
    if standing is None:
        return [name, component.name, ("-", DIM), ("no answer", BAD), "", "", *ends]
    role: Piece = (standing.role, STRONG) if standing.role == "primary" else standing.role
    return [name, component.name, role, _ready(standing), _lag(standing), standing.following, *ends]


def _ready(standing: Standing) -> Piece:
    if standing.ready:
        return ("yes", GOOD)
    return (f"no: {standing.reason}" if standing.reason else "no", BAD)


def _lag(standing: Standing) -> str:
    """Bytes in the unit that people would say."""
    return "" if standing.lag is None else size_words(standing.lag)


def _service_data(service: ServiceStatus) -> object:
    return {
        "name": service.name,
        "engine": service.engine,
        "target": service.target,
        "healthy": not service.trouble,
        "trouble": service.trouble,
        "backups": schedule_data(service.kept) if service.kept is not None else None,
        "live": _live_data(service.live) if service.live is not None else None,
        "members": [
            {
                "name": member.name,
                "where": member.where,
                "address": member.address,
                "components": [_component_data(component) for component in member.components],
            }
            for member in service.members
        ],
    }


def _live_data(live: Live) -> object:
    return {
        "readings": [
            {"title": one.title, "value": one.value, "text": one.text, "verdict": one.verdict}
            for one in live.readings
        ],
        "firing": list(live.firing),
    }


def _component_data(component: ComponentStatus) -> object:
    standing = component.standing
    if standing is None:
        return {"name": component.name, "answered": False}
    return {
        "name": component.name,
        "answered": True,
        "role": standing.role,
        "ready": standing.ready,
        "reason": standing.reason,
        "following": standing.following,
        "lag": standing.lag,
        "offset": standing.offset,
        "details": dict(standing.details),
    }
