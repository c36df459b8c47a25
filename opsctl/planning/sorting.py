"""Which changes may go at once, and which wait for their member's turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from opsctl.planning.desired import Desired, Scope
from opsctl.planning.difference import RUNNING, difference, object_difference
from opsctl.planning.observation import Observation
from opsctl.planning.plan import Change
from opsctl.planning.resource import Impact, Resource
from opsctl.planning.workloads import Workloads


@dataclass(frozen=True, slots=True)
class Sorted:
    """`wave`: stops nobody. `rolling`: by (service, member), one member at a time."""

    wave: tuple[Change, ...] = ()
    rolling: Mapping[tuple[str, str], tuple[Change, ...]] = field(default_factory=dict)

    def changes(self) -> Iterator[Change]:
        yield from self.wave
        for changes in self.rolling.values():
            yield from changes


def sort_changes(desired: Desired, observation: Observation, scope: Scope) -> Sorted:
    """All differences, each in the wave or with the running member that it disturbs."""
    changes = list(_changes(desired.resources, observation, scope))
    running = _running(changes, desired.workloads, observation)
    mended = _half_down(changes) & running
    rolling: dict[tuple[str, str], list[Change]] = {}
    wave: list[Change] = []
    shared: list[Change] = []
    for change in changes:
        if change.member in mended and change.impact < Impact.RELOAD:
            wave.append(change)
        elif change.member in running:
            rolling.setdefault((change.service, change.member), []).append(change)
        elif change.impact >= Impact.RESTART and not change.member:
            shared.append(change)
        else:
            wave.append(change)
    for change in _object_changes(desired.workloads, observation, scope, running):
        rolling.setdefault((change.service, change.member), []).append(change)
    wave += _share_out(shared, rolling)
    return Sorted(tuple(wave), {key: tuple(value) for key, value in sorted(rolling.items())})


def _changes(
    resources: Sequence[Resource], observation: Observation, scope: Scope
) -> Iterator[Change]:
    for resource in resources:
        if resource.id.where in observation.unreachable:
            continue
        if not scope.holds(resource.service, resource.member):
            continue
        change = difference(resource, observation.actual.get(resource.id))
        if change is not None:
            yield change


def _running(
    changes: Sequence[Change],
    workloads: Workloads,
    observation: Observation,
) -> frozenset[str]:
    """Members that clients may be using: they answered, or they run and did not answer.

    A member whose process is down, or that does not exist yet, disturbs nobody.
    """
    answered = {member for member, _ in observation.standings}
    recorded = {seat.member for seats in observation.seats.values() for seat in seats}
    down = {
        change.member
        for change in changes
        if change.verb == "create" or any(field.name == RUNNING for field in change.fields)
    }
    known = {member.name for _, workload in workloads.values() for member in workload.members()}
    return frozenset(known & (answered | (recorded - down)))


def _half_down(changes: Sequence[Change]) -> frozenset[str]:
    """Members one of whose processes is down. What brings it back disturbs nobody, and must not
    wait its turn: where two members are half down, neither's turn would ever end in a whole
    service."""
    return frozenset(
        change.member
        for change in changes
        if change.verb != "create" and any(field.name == RUNNING for field in change.fields)
    )


def _object_changes(
    workloads: Workloads,
    observation: Observation,
    scope: Scope,
    running: frozenset[str],
) -> Iterator[Change]:
    for service, (target, workload) in workloads.items():
        nodes = {member.name: member.seat.node for member in workload.members()}
        for wanted in workload.objects:
            found = observation.objects.get((wanted.member, wanted.kind, wanted.name))
            inside = wanted.member in running and scope.holds(service, wanted.member)
            if found is None or not inside:
                continue
            where = f"{target}/{nodes[wanted.member]}"
            change = object_difference(wanted, found, where, service)
            if change is not None:
                yield change


def _share_out(
    shared: Sequence[Change], rolling: dict[tuple[str, str], list[Change]]
) -> Iterator[Change]:
    """A node's change that restarts processes goes with the first member that rolls there."""
    for change in shared:
        beside = [
            changes
            for _, changes in sorted(rolling.items())
            if any(other.id.where == change.id.where for other in changes)
        ]
        if beside:
            beside[0].insert(0, change)
        else:
            yield change
