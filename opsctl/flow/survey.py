"""The first half of the road: spec, seats, workloads, desired resources, one look at what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

from opsctl.errors import SpecError
from opsctl.flow.describing import describe, known_to
from opsctl.flow.generations import newest
from opsctl.flow.parts import Parts
from opsctl.model import ServiceBase
from opsctl.planning.desired import Desired
from opsctl.planning.holding import loosened
from opsctl.planning.observation import Observation, Problem
from opsctl.planning.resource import Resource
from opsctl.planning.workloads import Workloads, alone
from opsctl.ports import Target
from opsctl.workload import Seat, Workload, in_order


@dataclass(frozen=True, slots=True)
class Survey:
    """`present` holds workloads with every member that is there, leaving ones included."""

    desired: Desired
    observation: Observation
    present: Workloads


@dataclass(frozen=True, slots=True)
class _Half:
    """One target's part of a survey."""

    target: Target
    workloads: tuple[Workload, ...]
    present: tuple[Workload, ...]
    resources: tuple[Resource, ...]
    observation: Observation


def survey(parts: Parts) -> Survey:
    """Looks at every target, all at once; last at the one that speaks of others."""
    last = _watching_others(parts)
    names = [name for name in sorted(parts.targets) if name != last]
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        halves = list(pool.map(lambda name: _look(parts, parts.targets[name], {}), names))
    if last:
        beside = {one.service: one for half in halves for one in half.workloads}
        halves.append(_look(parts, parts.targets[last], beside))
    observation = _merge([_own(half) for half in halves])
    held = observation.maintenance
    present = loosened(_by_service((half.target, half.present) for half in halves), held)
    return Survey(
        desired=Desired(
            environment=parts.environment.name,
            document=parts.environment.document,
            workloads=loosened(_by_service((one.target, one.workloads) for one in halves), held),
            resources=tuple(item for half in halves for item in half.resources),
            absent=frozenset(
                name
                for name, service in parts.environment.services.items()
                if service.state == "absent"
            ),
        ),
        observation=_with_strangers(observation, present),
        present=present,
    )


def _with_strangers(observation: Observation, present: Workloads) -> Observation:
    """With a warning for each who follows a service and is no member of it."""
    warnings = tuple(
        Problem(target, error, "warning")
        for target, workload in present.values()
        for error in workload.strangers(observation.standings)
    )
    return replace(observation, problems=(*observation.problems, *warnings))


def described(parts: Parts, *, ask: bool = True) -> tuple[Workloads, tuple[Resource, ...]]:
    """The pure part alone, with seats as last recorded here: for `render` and `graph`. `ask`: first
    ask places that were never seen from here who sits there."""
    workloads: dict[str, tuple[str, Workload]] = {}
    resources: list[Resource] = []
    last = _watching_others(parts)
    for name in sorted(parts.targets, key=lambda name: name == last):
        target = parts.targets[name]
        beside = alone(workloads) if name == last else {}
        mine, _ = _describe(parts, target, target.recorded(ask=ask), beside)
        services = _services(parts, target)
        resources += target.realise(mine, services)
        workloads |= {workload.service: (target.name, workload) for workload in mine}
    return workloads, tuple(resources)


def _watching_others(parts: Parts) -> str:
    """The target from which services of others are watched; "" where there is none."""
    monitoring = parts.environment.monitoring
    return monitoring.on if monitoring is not None and monitoring.also else ""


def _look(parts: Parts, target: Target, beside: Mapping[str, Workload]) -> _Half:
    """One look; a second one only when members sit elsewhere than this machine remembered.
    `beside`: services of other targets that this one's speak of."""
    with target.expecting():
        recorded = target.recorded()
        half = _observe(parts, target, recorded, beside)
    seen = _with_silent(target.name, half.observation, recorded)
    if _differs(recorded, seen):
        half = _observe(parts, target, seen, beside)
    return half


def _with_silent(
    target: str, observation: Observation, recorded: Mapping[str, Sequence[Seat]]
) -> dict[str, tuple[Seat, ...]]:
    """The seats that were seen, and those remembered on places that say nothing now."""
    found = dict(observation.seats)
    for name, seats in recorded.items():
        there = {seat.member for seat in found.get(name, ())}
        kept = [
            seat
            for seat in seats
            if f"{target}/{seat.node}" in observation.unreachable and seat.member not in there
        ]
        both = (*found.get(name, ()), *kept)
        if both:
            found[name] = tuple(sorted(both, key=lambda seat: (seat.group, seat.ordinal)))
    return found


def _observe(
    parts: Parts,
    target: Target,
    recorded: Mapping[str, Sequence[Seat]],
    beside: Mapping[str, Workload],
) -> _Half:
    workloads, present = _describe(parts, target, recorded, beside)
    resources = target.realise(workloads, _services(parts, target))
    observation = target.observe(resources, present)
    return _Half(target, workloads, present, resources, observation)


def _describe(
    parts: Parts,
    target: Target,
    recorded: Mapping[str, Sequence[Seat]],
    beside: Mapping[str, Workload],
) -> tuple[tuple[Workload, ...], tuple[Workload, ...]]:
    services = _services(parts, target)
    needs = {
        name: (service, parts.engine(service).needs(service)) for name, service in services.items()
    }
    with _placed(parts):
        seats = target.seat(needs, recorded)
    workloads: dict[str, Workload] = {}
    present: dict[str, Workload] = {}
    for name in in_order(services, parts.engines, parts.environment):
        with _placed(parts):
            known = known_to(parts, name, seats[name], {**beside, **workloads})
            workload = describe(parts, name, seats[name], known)
        workloads[name] = workload
        names = {seat.member for seat in seats[name]}
        leaving = [seat for seat in recorded.get(name, ()) if seat.member not in names]
        everybody = (*seats[name], *leaving)
        present[name] = describe(parts, name, everybody, known) if leaving else workload
    return tuple(workloads.values()), tuple(present.values())


@contextmanager
def _placed(parts: Parts) -> Iterator[None]:
    """Gives an error that names keys of the spec ("services.a.version") its place in the files."""
    try:
        yield
    except SpecError as error:
        if isinstance(error.where, str) and error.where.startswith(("services.", "routes.")):
            keys = tuple(error.where.split("."))
            error.where = parts.environment.place(keys) or error.where
        raise


def _services(parts: Parts, target: Target) -> dict[str, ServiceBase]:
    return {
        name: service
        for name, service in parts.environment.services.items()
        if service.managed and parts.target_of(name, service) is target
    }


def _differs(recorded: Mapping[str, Sequence[Seat]], seen: Mapping[str, Sequence[Seat]]) -> bool:
    """Whether what was seen says more than what was remembered. Nothing seen proves nothing: the
    hosts may be new, or away."""
    return any(tuple(recorded.get(name, ())) != tuple(seats) for name, seats in seen.items())


def _by_service(described: Iterable[tuple[Target, Sequence[Workload]]]) -> Workloads:
    return {
        workload.service: (target.name, workload)
        for target, workloads in described
        for workload in workloads
    }


def _own(half: _Half) -> Observation:
    """With the seats of its own services alone: one whose `on:` was changed has left seats of the
    same names where it was before."""
    here = {workload.service for workload in half.workloads}
    found = half.observation.seats
    return replace(half.observation, seats={name: found[name] for name in found if name in here})


def _merge(observations: Sequence[Observation]) -> Observation:
    """One observation of all targets: maps and lists are joined; of the rest the newest counts."""
    merged: dict[str, Any] = {}
    for field in fields(Observation):
        values = [getattr(observation, field.name) for observation in observations]
        merged[field.name] = _join(values)
    merged["generations"] = newest(*(observation.generations for observation in observations))
    return Observation(**merged) if observations else Observation()


def _join(values: Sequence[Any]) -> Any:
    if isinstance(values[0], Mapping):
        return {key: value for mapping in values for key, value in mapping.items()}
    if isinstance(values[0], tuple):
        return tuple(item for items in values for item in items)
    if isinstance(values[0], int | float):
        return max(values)
    return next((value for value in values if value is not None), None)
