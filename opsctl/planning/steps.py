"""Changes become steps: waves by place, rolls by member, settling by service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from opsctl.planning.observation import Observation
from opsctl.planning.plan import Change, Step
from opsctl.planning.resource import Impact
from opsctl.planning.workloads import Workloads, target_of
from opsctl.workload import Workload

NOBODY: Mapping[str, str] = MappingProxyType({})


def wave_steps(changes: Sequence[Change]) -> tuple[Step, ...]:
    """One step for every place; they disturb nobody, so they go side by side."""
    places: dict[str, list[Change]] = {}
    for change in changes:
        places.setdefault(change.id.where, []).append(change)
    return tuple(
        Step(
            id=f"build/{where}",
            kind="converge",
            title=f"build on {where.partition('/')[2]}",
            target=target_of(where),
            members=_members(mine),
            where=(where,),
            changes=tuple(mine),
            impact=max(change.impact for change in mine),
        )
        for where, mine in sorted(places.items())
    )


def roll_steps(
    rolling: Mapping[tuple[str, str], Sequence[Change]],
    workloads: Workloads,
    observation: Observation,
    before: Sequence[Step],
) -> tuple[Step, ...]:
    """One step for every running member that changes; the runner picks who goes next. Before them
    one for what all members of a service need before any of them restarts."""
    needs = tuple(step.id for step in before)
    early = _needed_first(rolling, workloads)
    prepare = {
        service: _prepare_step(service, changes, workloads[service][0], needs)
        for service, changes in early.items()
    }
    steps = list(prepare.values())
    for (service, member), changes in rolling.items():
        target, workload = workloads[service]
        rest = [change for change in changes if change not in early.get(service, ())]
        if not rest:
            continue
        steps.append(
            Step(
                id=f"member/{member}",
                kind="roll",
                title=f"change {member}",
                target=target,
                service=service,
                members=(member,),
                where=tuple(dict.fromkeys(change.id.where for change in rest)),
                changes=tuple(rest),
                needs=(*needs, prepare[service].id) if service in prepare else needs,
                impact=_impact(rest, workload, observation),
                before=workload.rolling.before.words if _waits(rest, workload, observation) else "",
                after=workload.rolling.after.words,
            )
        )
    return tuple(steps)


def _prepare_step(
    service: str, changes: Sequence[Change], target: str, needs: tuple[str, ...]
) -> Step:
    return Step(
        id=f"prepare/{service}",
        kind="prepare",
        title=f"prepare {service}",
        target=target,
        service=service,
        members=_members(changes),
        where=tuple(dict.fromkeys(change.id.where for change in changes)),
        changes=tuple(changes),
        needs=needs,
        impact=max(change.impact for change in changes),
    )


def _needed_first(
    rolling: Mapping[tuple[str, str], Sequence[Change]], workloads: Workloads
) -> dict[str, list[Change]]:
    """By service where processes restart: its objects that are `first`, and the files with them."""
    restarting = {service for (service, _), changes in rolling.items() if _restarts(changes)}
    found: dict[str, list[Change]] = {}
    for (service, _), changes in rolling.items():
        objects = workloads[service][1].objects
        known = {(item.kind, f"{item.member}/{item.name}"): item.first for item in objects}
        first = [known.get((change.id.kind, change.id.name)) for change in changes]
        if service in restarting and any(first):
            found.setdefault(service, []).extend(
                change
                for change, early in zip(changes, first, strict=True)
                if early or (early is None and change.impact is Impact.NONE)
            )
    return found


def _restarts(changes: Sequence[Change]) -> bool:
    """Whether its member is away for a moment: a reload takes nobody down and makes no way."""
    return any(change.impact >= Impact.RESTART for change in changes)


def _waits(changes: Sequence[Change], workload: Workload, observation: Observation) -> bool:
    """Whether its member is away for a moment that the service has to be ready for."""
    return _restarts(changes) and not _mends(changes, workload, observation)


def _mends(changes: Sequence[Change], workload: Workload, observation: Observation) -> bool:
    standings = observation.standings_of(workload)
    return any(workload.rolling.mends(standings, change.member) for change in changes)


def _impact(changes: Sequence[Change], workload: Workload, observation: Observation) -> Impact:
    """Restarting the process that holds the primary role costs a switchover, but for one that
    holds it to the service's harm."""
    impact = max(change.impact for change in changes)
    others = sum(1 for _ in workload.members()) > 1 and not _mends(changes, workload, observation)
    for change in changes:
        standing = observation.standings.get((change.member, change.component))
        if change.impact >= Impact.RESTART and others and standing and standing.role == "primary":
            return max(impact, Impact.FAILOVER)
    return impact


def settle_steps(
    services: Sequence[str],
    workloads: Workloads,
    before: Sequence[Step],
    strays: Mapping[str, str] = NOBODY,
) -> tuple[Step, ...]:
    """Wait until each service is whole, then prove that it serves. `strays`: by service, whom its
    members are to forget in between."""
    return tuple(
        Step(
            id=f"settle/{service}",
            kind="settle",
            title=_settling(service, strays.get(service, "")),
            target=workloads[service][0],
            service=service,
            needs=tuple(step.id for step in before),
            verb="forget" if service in strays else "",
            after=workloads[service][1].formed.words,
        )
        for service in services
        if service in workloads
    )


def settle_without(settle: Step, missing: Sequence[str], members: Sequence[str]) -> Step:
    """The same step for `members` alone, without those `missing`. The gate's words are of every
    member; the title says enough."""
    words = f"wait until {settle.service} is whole without {' and '.join(missing)}, and prove it"
    return replace(settle, title=words, after="", members=tuple(members))


def _settling(service: str, strays: str) -> str:
    forgetting = f", make it forget {strays}" if strays else ""
    return f"wait until {service} is whole{forgetting}, and prove it"


def _members(changes: Sequence[Change]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(change.member for change in changes if change.member))
