"""What is there and how it stands: read only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from opsctl.errors import Exit, OpsError
from opsctl.flow.backing_up import Kept, kept_by
from opsctl.flow.certificates import CertificateStatus, certificates
from opsctl.flow.noting import note
from opsctl.flow.parts import Parts, unknown
from opsctl.flow.reading import Live
from opsctl.flow.survey import Survey, survey
from opsctl.planning.observation import Holder, Maintenance, Node, Observation, Problem, Unfinished
from opsctl.planning.workloads import alone
from opsctl.ports import Record
from opsctl.workload import Endpoint, Lead, Seat, Standing, Workload


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """One process of a member; `standing` None: it did not answer."""

    name: str
    standing: Standing | None


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """One member, where it sits, and what each of its processes says."""

    name: str
    where: str
    address: str
    components: tuple[ComponentStatus, ...]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """`trouble` is "" for a service that is whole, else what is missing in words. `kept`: its
    backups, None for a service that has none. `live`: what is measured of it, None where nobody
    tells."""

    name: str
    engine: str
    target: str
    members: tuple[MemberStatus, ...]
    trouble: str = ""
    kept: Kept | None = None
    live: Live | None = None


@dataclass(frozen=True, slots=True)
class RouteStatus:
    """One route, the pool that it goes through, and where clients of it come in."""

    pool: str
    lead: Lead
    doors: tuple[str, ...]  # "HOST:PORT"


@dataclass(frozen=True, slots=True)
class Status:
    """Everything `opsctl status` shows."""

    environment: str
    services: tuple[ServiceStatus, ...]
    nodes: tuple[Node, ...]
    unreachable: tuple[OpsError, ...]
    problems: tuple[Problem, ...]
    holder: Holder | None
    unfinished: Unfinished | None
    revision: int
    maintenance: tuple[Maintenance, ...] = ()
    routes: tuple[RouteStatus, ...] = ()
    certificates: tuple[CertificateStatus, ...] = ()

    @property
    def unseen(self) -> Exit:
        """For who asks one thing, whatever the services' health."""
        return Exit.UNOBSERVED if self.unreachable else Exit.DONE

    @property
    def exit(self) -> Exit:
        """For `status --check`."""
        if self.unreachable:
            return Exit.UNOBSERVED
        unhealthy = any(service.trouble for service in self.services) or any(
            route.lead.trouble for route in self.routes
        )
        return Exit.DIFFERS if unhealthy else Exit.DONE


def status(parts: Parts) -> Status:
    """One look at everything."""
    seen = survey(parts)
    observation = seen.observation
    measured = parts.measured(alone(seen.present))
    return Status(
        environment=parts.environment.name,
        services=tuple(
            replace(_service(parts, seen, name), live=measured.get(name))
            for name in sorted(seen.present)
        ),
        nodes=tuple(observation.nodes[key] for key in sorted(observation.nodes)),
        unreachable=tuple(observation.unreachable.values()),
        problems=observation.problems,
        holder=observation.holder,
        unfinished=observation.unfinished,
        revision=observation.revision,
        maintenance=tuple(observation.maintenance[key] for key in sorted(observation.maintenance)),
        routes=tuple(_routes(parts, seen)),
        certificates=certificates(parts, seen),
    )


def _routes(parts: Parts, seen: Survey) -> Iterator[RouteStatus]:
    for pool, (target, workload) in sorted(seen.present.items()):
        if workload.leads is None:
            continue
        own = [parts.targets[target].address(member.seat) for member in workload.members()]
        for lead in workload.leads(seen.observation.standings):
            yield RouteStatus(pool, lead, lead.doors(own))


def _service(parts: Parts, seen: Survey, name: str) -> ServiceStatus:
    target_name, workload = seen.present[name]
    target = parts.targets[target_name]
    members = tuple(
        MemberStatus(
            name=member.name,
            where=f"{target_name}/{member.seat.node}" if member.seat.node else target_name,
            address=target.address(member.seat),
            components=tuple(
                ComponentStatus(part.name, seen.observation.standings.get((member.name, part.name)))
                for part in member.components
                if part.health is not None  # who has none is heard of by those that watch
            ),
        )
        for member in workload.members()
    )
    away = seen.observation.unreachable
    kept = kept_by(target, workload, away) if workload.backups is not None else None
    trouble = workload.formed.holds(seen.observation.standings_of(workload))
    return ServiceStatus(name, workload.engine, target_name, members, trouble, kept)


def history(parts: Parts, limit: int) -> tuple[tuple[Record, ...], tuple[OpsError, ...]]:
    """The newest records of all targets' journals, oldest first, each once; and why a target
    could not be asked."""
    records: dict[tuple[str, str, str, float], Record] = {}
    away: list[OpsError] = []
    for target in parts.targets.values():
        try:
            told = target.history(limit)
        except OpsError as error:
            away.append(error)
            continue
        for record in told:
            records[record.run, record.kind, record.step, record.at] = record
    newest = sorted(records.values(), key=lambda record: record.at)[-limit:]
    return tuple(newest), tuple(away)


@dataclass(frozen=True, slots=True)
class Released:
    """Who held the lock, by target; and what could not be done: a target that is away keeps its
    own, a journal does not say why."""

    held: Mapping[str, Holder]
    failed: tuple[OpsError, ...]

    @property
    def exit(self) -> Exit:
        if self.failed:
            return Exit.PARTLY if self.held else self.failed[0].exit
        return Exit.DONE


def release_lock(parts: Parts, reason: str) -> Released:
    """Takes the lock from whoever holds it, on every target that can be reached. Why is written to
    the journals there."""
    held: dict[str, Holder] = {}
    failed: list[OpsError] = []
    for name, target in parts.targets.items():
        try:
            holder = target.break_lock(reason, parts.who)
        except OpsError as error:
            failed.append(error)
            continue
        if holder is not None:
            held[name] = holder
    if held:
        first = next(iter(held.values()))
        try:
            note(parts, f"lock taken from {first.holder}: {reason}", held)
        except OpsError as error:
            failed.append(error)
    return Released(held, tuple(failed))


@dataclass(frozen=True, slots=True)
class Door:
    """One member that a person wants to talk to."""

    seat: Seat
    workload: Workload
    endpoint: Endpoint | None
    standing: Standing | None


def doors(parts: Parts, name: str) -> tuple[Survey, Sequence[Door]]:
    """The members that "service" or "service/member" names, the primary first."""
    service, _, member = name.partition("/")
    parts.service(service)
    seen = survey(parts)
    if service not in seen.present:
        raise unknown("service", service, tuple(seen.present))
    workload = seen.present[service][1]
    members = {item.name: item for item in workload.members()}
    if member and member not in members:
        raise unknown("member", member, tuple(members))
    found = [
        _door(seen.observation, workload, item.seat)
        for item in members.values()
        if member in ("", item.name)
    ]
    return seen, sorted(found, key=lambda door: not _is_primary(door.standing))


def _door(observation: Observation, workload: Workload, seat: Seat) -> Door:
    endpoint = next((item for item in workload.endpoints if item.member == seat.member), None)
    component = endpoint.component if endpoint else ""
    return Door(seat, workload, endpoint, observation.standings.get((seat.member, component)))


def _is_primary(standing: Standing | None) -> bool:
    return standing is not None and standing.role == "primary"
