"""Lanes in HAProxy's own words, for its template."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.engines.haproxy.paces import election
from opsctl.engines.haproxy.pool import own
from opsctl.workload import Backend, Lane, Say, Seat, Text, Voter

VOTES, VETOES = "votes:", "vetoes:"  # how the names of backends begin that nobody is led to
MOST = 10_000  # connections of a lane that does not say how many
_SHORTEST = 2.0  # seconds that a network may lose words for, at least
_NOBODY = 30.0  # the same where nobody replaces a silent server: haste gains nothing
_READ = str.maketrans({"\\": "\\\\", '"': '\\"', "$": "\\$", "\r": "\\r", "\n": "\\n"})


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A server; `host` may hold a token of an address. One that is `named` is looked up again and
    again: the name may lead elsewhere later."""

    name: str
    host: str
    port: int
    check_port: int
    named: bool = False


@dataclass(frozen=True, slots=True)
class ElectionLines:
    """Where it is asked whether enough voters name a member, and who is asked."""

    member: str
    backend: str
    path: str
    needed: int
    check: tuple[str, ...]
    voters: tuple[ServerLine, ...]
    veto_backend: str
    veto_check: tuple[str, ...]
    vetoes: tuple[ServerLine, ...]


@dataclass(frozen=True, slots=True)
class LaneLines:
    """All that the template says of a lane. Times are in milliseconds."""

    name: str
    words: str
    bind: str
    maxconn: int
    balance: str
    timeout: str
    unheard: str
    interval: str
    recheck: str
    vote_timeout: str
    stale: str
    falls: int
    rise: int
    check: tuple[str, ...]
    servers: tuple[ServerLine, ...]
    elections: tuple[ElectionLines, ...]


def lane_lines(lane: Lane, seat: Seat, port: int) -> LaneLines:
    """A lane as the balancer on `seat` has it, which listens at `port`."""
    entry, timing = lane.entry, lane.entry.timing
    votes = election(timing)
    agreed = any(backend.voters for backend in entry.backends)
    return LaneLines(
        name=lane.name,
        words=f"{lane.name}: {_role(lane)} of {lane.service}",
        bind=_bind(lane, seat, port),
        maxconn=lane.max_connections or MOST,
        balance=lane.balance,
        timeout=milliseconds(timing.timeout),
        unheard=milliseconds(max(_SHORTEST, timing.silence or _NOBODY)),
        interval=milliseconds(timing.interval),
        recheck=milliseconds(timing.recheck),
        vote_timeout=milliseconds(votes.timeout),
        stale=milliseconds(votes.stale),
        falls=timing.falls,
        rise=votes.rise if agreed else 2,
        check=_says(entry.backends[0].check.says),
        servers=tuple(
            ServerLine(one.member, _host(one.host), one.port, one.check.port, _is_name(one.host))
            for one in entry.backends
        ),
        elections=tuple(_election(lane, one) for one in entry.backends if one.voters),
    )


def _role(lane: Lane) -> str:
    return {"primary": "the primary", "replica": "replicas", "any": "any member"}[lane.entry.role]


def _bind(lane: Lane, seat: Seat, port: int) -> str:
    """A floating address may be elsewhere: "transparent" listens on it all the same. In a pod a
    forwarded port comes in by its loopback."""
    if seat.near_clients:
        return f"{own(seat)}:{port},127.0.0.1:{port}"
    if not lane.address:
        return f"{own(seat)}:{port}"
    host = f"[{lane.address}]" if ":" in lane.address else lane.address
    return f"{host}:{port} transparent"


def _election(lane: Lane, backend: Backend) -> ElectionLines:
    return ElectionLines(
        member=backend.member,
        backend=f"{VOTES}{lane.name}:{backend.member}",
        path=f"/votes/{lane.name}/{backend.member}",
        needed=backend.needed,
        check=_says(backend.voters[0].check.says),
        voters=voter_lines(lane, backend.voters),
        veto_backend=f"{VETOES}{lane.name}:{backend.member}",
        veto_check=_says(backend.vetoes[0].check.says) if backend.vetoes else (),
        vetoes=voter_lines(lane, backend.vetoes),
    )


def voter_lines(lane: Lane, voters: Sequence[Voter]) -> tuple[ServerLine, ...]:
    """Voters sit beside the members."""
    hosts = {one.member: _host(one.host) for one in lane.entry.backends}
    return tuple(
        ServerLine(one.member, hosts[one.member], one.check.port, one.check.port) for one in voters
    )


def _host(host: Text) -> str:
    return "".join(str(part) for part in host.parts)


def _is_name(host: Text) -> bool:
    try:
        ipaddress.ip_address(_host(host))
    except ValueError:
        return all(isinstance(part, str) for part in host.parts)
    return False


def _says(says: Sequence[Say]) -> tuple[str, ...]:
    """What is sent, and what must come: a connection alone where nothing is said."""
    lines = []
    for say in says:
        lines.append(f"tcp-check send {quoted(say.send)}")
        lines.append(
            f"tcp-check expect {'rstring' if say.pattern else 'string'} {quoted(say.expect)}"
        )
    return tuple(lines)


def quoted(text: Text) -> str:
    """In double quotes, as HAProxy reads them. References stay tokens: what they stand for needs
    no quoting (see workload.Say)."""
    return '"' + "".join(str(part) for part in text.parts).translate(_READ) + '"'


def milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
