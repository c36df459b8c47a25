"""What a picture shows: places, the members in them, who follows whom, how clients come to them.
Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from opsctl.planning.workloads import Workloads
from opsctl.workload import Seat, Standing, Standings, Workload


class Addressing(Protocol):
    """The part of a target that knows where clients find a member."""

    def address(self, seat: Seat) -> str: ...


@dataclass(frozen=True, slots=True)
class Box:
    """One member. `role` is "" when nobody was asked; `following` is a member's name or ""."""

    member: str
    service: str
    engine: str
    role: str = ""
    ready: bool = True
    following: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A host, or a cluster where a scheduler decides."""

    name: str
    zone: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """A route: clients come in at `doors`, go through the balancers `through` and on to `to`.

    When nobody was asked they are those that it may go through and to.
    """

    name: str
    doors: tuple[str, ...]
    through: tuple[str, ...]
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """One environment."""

    environment: str
    places: tuple[Place, ...]
    ways: tuple[Way, ...] = ()

    @property
    def zones(self) -> dict[str, tuple[Place, ...]]:
        """The places by their zone, "" for those whose zone nobody knows."""
        names = sorted({place.zone for place in self.places})
        return {name: tuple(place for place in self.places if place.zone == name) for name in names}

    @property
    def arrows(self) -> tuple[tuple[str, str], ...]:
        """From a replica to the member that it follows."""
        return tuple(
            (box.member, box.following)
            for place in self.places
            for box in place.boxes
            if box.following
        )

    @property
    def hops(self) -> tuple[tuple[str, str], ...]:
        """From a balancer to each member that it leads clients to."""
        found = ((a, b) for way in self.ways for a in way.through for b in way.to)
        return tuple(dict.fromkeys(found))


def topology(
    environment: str,
    workloads: Workloads,
    standings: Standings,
    targets: Mapping[str, Addressing],
    limit: Collection[str] = (),
) -> Topology:
    """The picture of these workloads as far as the standings tell."""
    places: dict[tuple[str, str], list[Box]] = {}
    for service, (target, workload) in sorted(workloads.items()):
        if limit and service not in limit:
            continue
        names = _names(workload, targets[target])
        for member in workload.members():
            where = f"{target}/{member.seat.node}" if member.seat.node else target
            box = _box(workload, member.name, standings, names)
            places.setdefault((member.seat.zone, where), []).append(box)
    return Topology(
        environment,
        tuple(Place(where, zone, tuple(boxes)) for (zone, where), boxes in sorted(places.items())),
        tuple(_ways(workloads, standings, targets, limit)),
    )


def _ways(
    workloads: Workloads,
    standings: Standings,
    targets: Mapping[str, Addressing],
    limit: Collection[str],
) -> Iterator[Way]:
    for pool, (target, workload) in sorted(workloads.items()):
        if workload.leads is None or (limit and pool not in limit):
            continue
        balancers = tuple(workload.members())
        own = [targets[target].address(member.seat) for member in balancers]
        for lead in workload.leads(standings):
            possible = tuple(backend.member for backend in lead.lane.entry.backends)
            yield Way(
                lead.lane.name,
                lead.doors(own),
                lead.balancers if standings else tuple(member.name for member in balancers),
                lead.serving if standings else possible,
            )


def _names(workload: Workload, target: Addressing) -> Mapping[str, str]:
    """Member by everything that a server may call it."""
    names = {member.name: member.name for member in workload.members()}
    for member in workload.members():
        if address := target.address(member.seat):
            names[address] = member.name
        names.setdefault(member.seat.node, member.name)
    return names


def _box(workload: Workload, member: str, standings: Standings, names: Mapping[str, str]) -> Box:
    standing = _leading(member, standings)
    if standing is None:
        role = "" if not standings else "no answer"
        return Box(member, workload.service, workload.engine, role, ready=not standings)
    host = standing.following.rpartition(":")[0] or standing.following
    following = names.get(standing.following) or names.get(host, "")
    return Box(
        member,
        workload.service,
        workload.engine,
        standing.role,
        standing.ready,
        following if following != member else "",
    )


def _leading(member: str, standings: Standings) -> Standing | None:
    """The standing that says most of a member: that of the process that holds data."""
    mine = [standing for (name, _), standing in standings.items() if name == member]
    order = ("primary", "replica", "arbiter", "unknown")
    return min(mine, key=lambda standing: order.index(standing.role), default=None)
