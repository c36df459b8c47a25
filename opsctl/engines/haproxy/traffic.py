"""Keeping clients away from a member, and seeing that nobody is kept away for ever."""

from __future__ import annotations

from collections.abc import Iterable

from opsctl.engines.haproxy.balancer import PATIENCE
from opsctl.engines.haproxy.pool import HAPROXY, Pool, admin, script
from opsctl.engines.haproxy.standings import LEADS
from opsctl.workload import (
    Act,
    Answer,
    Call,
    Facts,
    Gate,
    Object,
    Query,
    Seat,
    Standings,
    Text,
    Traffic,
)

READY = "ready"
_WELL = 15.0  # seconds for the checks of a member that is well; more than any preset needs
_MAINTENANCE = 0x01 | 0x02 | 0x04  # srv_admin_state: by hand, inherited, by configuration
_DRAIN = 0x08 | 0x10  # by hand, inherited


def traffic(pool: Pool, service: str, member: str) -> Traffic:
    """Drains the member at every balancer. A primary is not drained: it hands its role over, and
    the checks move its clients."""
    servers = [
        f"{lane.name}/{backend.member}"
        for lane in pool.lanes
        for backend in lane.entry.backends
        if lane.service == service and lane.entry.role != "primary" and backend.member == member
    ]
    if not servers:
        return Traffic()
    drain = tuple(
        Act(
            _set(seat, f"keep clients of {seat.member} away from {member}", "drain", servers),
            undo=(_set(seat, f"let clients of {seat.member} to {member}", READY, servers),),
        )
        for seat in pool.seats
    )
    undrain = tuple(
        Act(
            _set(seat, f"let clients of {seat.member} to {member}", READY, servers),
            until=_leading(seat, servers),
        )
        for seat in pool.seats
    )
    return Traffic(drain, undrain)


def _leading(seat: Seat, servers: Iterable[str]) -> Gate:
    """The balancer has found them well again: else the next member to be drained may be the last
    one that it leads to."""
    wanted = tuple(server.split("/") for server in servers)

    def holds(standings: Standings) -> str:
        standing = standings.get((seat.member, HAPROXY))
        details = standing.details if standing else {}
        for lane, member in wanted:
            if member not in details.get(f"{LEADS} {lane}", "").split(", "):
                return f"{lane} of {seat.member} does not lead to {member} yet"
        return ""

    return Gate(f"clients of {seat.member} get there again", holds, _WELL)


def _set(seat: Seat, words: str, how: str, servers: Iterable[str]) -> Call:
    return Call(
        words=words,
        member=seat.member,
        component=HAPROXY,
        argv=("sh", script(seat, "traffic.sh"), how, *servers),
        refused=lambda answer: "" if answer.exit == 0 else _said(answer),
        timeout=PATIENCE + 10.0,
    )


def _said(answer: Answer) -> str:
    lines = [*answer.stderr.splitlines(), *answer.stdout.splitlines()]
    return next((line for line in lines if line.strip()), "no answer")


def traffic_object(pool: Pool, seat: Seat) -> Object:
    """All servers of one balancer ready: a drain that a crashed run left behind is drift."""
    wanted = {
        f"{lane.name}/{backend.member}": READY
        for lane in pool.lanes
        for backend in lane.entry.backends
    }

    def read(answer: Answer) -> Facts | None:
        # One that the process does not know yet comes with the next reload, and is ready then.
        found = _read(answer)
        return None if found is None else {**wanted, **found}

    return Object(
        kind="traffic",
        name="servers",
        member=seat.member,
        component=HAPROXY,
        desired=wanted,
        read=Query(admin(seat), read, Text(("show servers state\n",))),
        write=lambda differing: _set(
            seat, f"let clients to {', '.join(sorted(differing))}", READY, sorted(differing)
        ),
    )


def _read(answer: Answer) -> Facts | None:
    """By "ROUTE/MEMBER": ready, drained or in maintenance."""
    rows = [line.split() for line in answer.stdout.splitlines()]
    found = {
        f"{row[1]}/{row[3]}": _state(int(row[6]))
        for row in rows
        if len(row) > 6 and row[0].isdecimal() and row[6].isdecimal()
    }
    return found if answer.exit == 0 and found else None


def _state(admin_state: int) -> str:
    if admin_state & _MAINTENANCE:
        return "in maintenance"
    return "drained" if admin_state & _DRAIN else READY
