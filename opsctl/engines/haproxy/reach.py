"""Where a floating address is worth nothing: at a balancer that is cut off from the others.

It misses the holder's adverts and takes the address; clients that still come to it would be led to
nobody, for no majority of voters can be heard there. So it gives up each address that leads to
somebody who is voted for, unless a majority of the voters of one of its lanes, or every other
balancer, can be reached: who hears all other balancers shares an address with none of them.

An address whose lanes need no votes stays where it is: there a last survivor serves.
"""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.engines.haproxy.config import ServerLine, voter_lines
from opsctl.engines.haproxy.pool import STATUS, Pool, own
from opsctl.workload import Lane, Seat

BALANCERS, VOTERS = "opsctl:balancers", "voters:"  # backends that nobody is led to


@dataclass(frozen=True, slots=True)
class Electorate:
    """The voters of a lane on other hosts; `missing` of them make a majority with those here, who
    are taken for granted."""

    lane: str
    missing: int
    voters: tuple[ServerLine, ...]

    @property
    def backend(self) -> str:
        return f"{VOTERS}{self.lane}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a balancer has to reach so that an address stays with it: the majority of one
    electorate, or all of `balancers`."""

    address: str
    electorates: tuple[Electorate, ...]
    balancers: tuple[ServerLine, ...]


def claims(pool: Pool, seat: Seat) -> tuple[Claim, ...]:
    """One for each address that this seat's balancer may have to give up."""
    others = _others(pool, seat)
    found = []
    for vip in pool.vips if others else ():
        lanes = (lane for lane in pool.lanes if lane.address == vip.address and _votes(lane))
        electorates = tuple(_electorate(lane, seat) for lane in lanes)
        if electorates and all(one.missing > 0 for one in electorates):
            found.append(Claim(vip.address, electorates, others))
    return tuple(found)


def _others(pool: Pool, seat: Seat) -> tuple[ServerLine, ...]:
    """The balancers on other hosts, at the ports of their status."""
    return tuple(
        ServerLine(one.member, str(own(one)), one.ports[STATUS], one.ports[STATUS])
        for one in pool.seats
        if one.node != seat.node
    )


def _votes(lane: Lane) -> bool:
    return any(backend.voters for backend in lane.entry.backends)


def _electorate(lane: Lane, seat: Seat) -> Electorate:
    asked = next(backend for backend in lane.entry.backends if backend.voters)
    here = {backend.member for backend in lane.entry.backends if backend.node == seat.node}
    away = [voter for voter in asked.voters if voter.member not in here]
    return Electorate(
        lane=lane.name,
        missing=asked.needed - (len(asked.voters) - len(away)),
        voters=voter_lines(lane, away),
    )
