"""Who sits where: a pure function of the spec's hosts and of where members sit already.

A recorded seat never moves while its host is in the spec. New members go where the fewest of their
service are: first by rack, then by host, then to the emptiest host, then in the spec's order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from opsctl.errors import SpecError
from opsctl.model import ServiceBase
from opsctl.targets.hosts import layout
from opsctl.targets.hosts.ports import Wanted, assign
from opsctl.targets.hosts.values import Env, Host
from opsctl.workload import Seat, SeatNeed

DEFAULT_SYSTEM = "debian-13"  # of hosts of which nothing else is known

Services = Mapping[str, tuple[ServiceBase, tuple[SeatNeed, ...]]]
Recorded = Mapping[str, Sequence[Seat]]


@dataclass(frozen=True, slots=True)
class _Room:
    """The hosts, and who of earlier services sits on them."""

    environment: Env
    hosts: Mapping[str, Host]
    load: Counter[str]  # members on each host, of all services
    ports: dict[tuple[str, int], str]  # which service has a port on a host
    assumed: str  # the system of a host that nobody has asked yet


def seat(
    environment: Env, hosts: Mapping[str, Host], services: Services, recorded: Recorded
) -> dict[str, tuple[Seat, ...]]:
    """A seat for every member of every service, by service.

    Raises SpecError: spec/unknown-host, spec/too-few-hosts, hosts/duplicate-port,
    hosts/duplicate-member, hosts/data-path.
    """
    load = Counter(seat.node for seats in recorded.values() for seat in seats)
    used = {
        (seat.node, number): name
        for name, seats in recorded.items()
        for seat in seats
        for number in seat.ports.values()
    }
    room = _Room(environment, hosts, load, used, _assumed(hosts, services))
    seated: dict[str, list[Seat]] = {}
    for name, (service, needs) in services.items():
        seats: list[Seat] = []
        for index, need in enumerate(needs):
            seats += _group(room, name, service, need, index == 0, recorded.get(name, ()), seats)
        seated[name] = seats
    _distinct(seated)
    wanted = [
        Wanted(name, need, tuple(seat for seat in seated[name] if seat.group == need.group))
        for name, (_, needs) in services.items()
        for need in needs
    ]
    gone = [seat for name, seats in recorded.items() if name not in services for seat in seats]
    numbers = assign(wanted, gone)
    return {
        name: tuple(replace(seat, ports=numbers[name, seat.group]) for seat in seats)
        for name, seats in seated.items()
    }


def _assumed(hosts: Mapping[str, Host], services: Services) -> str:
    """What most of the other hosts are, if that has the versions that services want: a host that
    can't be reached is to be told of as such, and not as one with a wrong version."""
    known = Counter(host.system for host in hosts.values() if host.system)
    wanted = [need.systems for _, needs in services.values() for need in needs if need.systems]
    fitting = sorted(frozenset[str]().union(*wanted))
    likely = [*(system for system, _ in known.most_common()), DEFAULT_SYSTEM, *fitting]
    return next((one for one in likely if all(one in some for some in wanted)), likely[0])


def _group(
    room: _Room,
    name: str,
    service: ServiceBase,
    need: SeatNeed,
    first: bool,
    recorded: Sequence[Seat],
    others: Sequence[Seat],
) -> list[Seat]:
    """The seats of one group; `others` are of the same service's earlier groups."""
    if need.every:
        return _everywhere(room, name, service, need, first, recorded)
    members = [layout.member_name(name, need.group, n, first) for n in range(need.count)]
    kept = {
        seat.member: _kept(room, name, service, need, seat)
        for seat in recorded
        if seat.member in members and seat.group == need.group and seat.node in room.hosts
    }
    allowed = _allowed(room, name, service, [seat.node for seat in (*kept.values(), *others)])
    missing = [member for member in members if member not in kept]
    free = [host for host in allowed if host not in {seat.node for seat in kept.values()}]
    if len(missing) > len(free):
        total = len(kept) + len(free)
        raise SpecError(
            "spec/too-few-hosts",
            f"{name} needs {need.count} hosts for its {need.group} members and may use {total}",
            where=f"services.{name}",
            hint="add hosts to the target, widen place, or ask for fewer members",
        )
    for member in missing:
        known = {number for seat in kept.values() for number in seat.ports.values()}
        numbers = known | {need.ports[port] for port in need.fixed}
        fit = [h for h in free if not any(room.ports.get((h, n), name) != name for n in numbers)]
        node = _best(room, service, fit or free, [*kept.values(), *others])
        room.ports.update(((node, number), name) for number in numbers)
        free.remove(node)
        room.load[node] += 1
        kept[member] = _new(room, name, service, need, member, node)
    return [kept[member] for member in members]


def _everywhere(
    room: _Room,
    name: str,
    service: ServiceBase,
    need: SeatNeed,
    first: bool,
    recorded: Sequence[Seat],
) -> list[Seat]:
    """One seat on each host that may be used. A number stays with its host as long as that is in
    the target, so that a member that leaves and one that joins never share a name."""
    there = [seat for seat in recorded if seat.group == need.group and seat.node in room.hosts]
    allowed = _allowed(room, name, service, [seat.node for seat in there])
    if not allowed:
        raise SpecError(
            "spec/too-few-hosts",
            f"{name} has no host to sit on",
            where=f"services.{name}",
            hint="widen place",
        )
    by_host = {
        seat.node: _kept(room, name, service, need, seat) for seat in there if seat.node in allowed
    }
    free = (n for n in count() if n not in {seat.ordinal for seat in there})
    for host in allowed:
        if host not in by_host:
            member = layout.member_name(name, need.group, next(free), first)
            by_host[host] = _new(room, name, service, need, member, host)
            room.load[host] += 1
    return sorted(by_host.values(), key=lambda seat: seat.ordinal)


def _allowed(room: _Room, name: str, service: ServiceBase, used: Sequence[str]) -> list[str]:
    """Hosts that the service's `place` lets it use, in the spec's order."""
    place = service.place
    for host in place.hosts:
        if host not in room.hosts:
            raise SpecError(
                "spec/unknown-host",
                f"{name} shall be placed on {host}, which the target does not have",
                where=f"services.{name}.place.hosts",
                hint=f"it has {', '.join(room.hosts)}",
            )
    allowed = [
        host
        for host, about in room.hosts.items()
        if (not place.hosts or host in place.hosts)
        and all(about.labels.get(label) == value for label, value in place.labels.items())
    ]
    if place.count is not None:
        # Hosts in use come first, so that a host added later does not push one out.
        allowed.sort(key=lambda host: (host not in used, list(room.hosts).index(host)))
        allowed = allowed[: place.count]
    return allowed


def _best(room: _Room, service: ServiceBase, free: Sequence[str], seats: Iterable[Seat]) -> str:
    nodes = [seat.node for seat in seats]
    racks = Counter(room.hosts[node].rack for node in nodes)
    by_rack = service.place.spread == "rack"
    return min(
        free,
        key=lambda host: (
            racks[room.hosts[host].rack] if by_rack and room.hosts[host].rack else 0,
            nodes.count(host),
            room.load[host],
            list(room.hosts).index(host),
        ),
    )


def _new(
    room: _Room, name: str, service: ServiceBase, need: SeatNeed, member: str, node: str
) -> Seat:
    backup = service.backup

    def path(base: str) -> str:
        return layout.member_path(base, room.environment.name, name, member)

    return Seat(
        member=member,
        group=need.group,
        node=node,
        zone=room.hosts[node].rack,
        system=room.hosts[node].system or room.assumed,
        config_dir=path(layout.CONFIG),
        data_dir=path(need.path or layout.DATA),
        run_dir=path(layout.RUN),
        backup_dir=path(backup.path or layout.BACKUPS) if backup else "",
        metrics_dir=f"{layout.METRICS}/{room.environment.name}" if service.metrics else "",
    )


def _kept(room: _Room, name: str, service: ServiceBase, need: SeatNeed, seat: Seat) -> Seat:
    """The recorded seat, with what may change meanwhile. Raises if its data had to move."""
    fresh = _new(room, name, service, need, seat.member, seat.node)
    if seat.data_dir != fresh.data_dir:
        raise SpecError(
            "hosts/data-path",
            f"{seat.member} keeps its data in {seat.data_dir}, the spec says {fresh.data_dir}",
            where=f"services.{name}.storage.path",
            hint="data is never moved: set the path back, or build a new service beside this one",
        )
    return replace(fresh, ports=seat.ports)


def _distinct(seated: Mapping[str, Sequence[Seat]]) -> None:
    """Raise for two services whose members would have one name: a-b's and a's group b."""
    known: dict[str, str] = {}
    for name, seats in seated.items():
        for seat in seats:
            other = known.setdefault(seat.member, name)
            if other != name:
                message = f"{other} and {name} would both have a member {seat.member}"
                raise SpecError("hosts/duplicate-member", message, hint="rename one of them")
