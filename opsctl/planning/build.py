"""From differences to a Plan: which wave, which member, what must come first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from opsctl import __version__
from opsctl.planning.desired import Desired, Scope
from opsctl.planning.difference import refusals, uncompared
from opsctl.planning.digest import step_digest
from opsctl.planning.holding import words
from opsctl.planning.leaving import Leaving, leaving
from opsctl.planning.observation import Observation
from opsctl.planning.plan import Plan, Step
from opsctl.planning.removing import leave_first, remove_steps
from opsctl.planning.sorting import Sorted, sort_changes
from opsctl.planning.steps import roll_steps, settle_steps, settle_without, wave_steps
from opsctl.planning.workloads import target_of


def build(desired: Desired, observation: Observation, scope: Scope, title: str = "apply") -> Plan:
    """The plan that makes `observation` what is `desired`, within `scope`."""
    sorted_ = sort_changes(desired, observation, scope)
    gone = leaving(desired, observation, scope)
    steps = _steps(desired, observation, scope, sorted_, gone)
    return Plan(
        environment=desired.environment,
        document=desired.document,
        steps=steps,
        title=title,
        left=gone.left,
        behind=gone.behind,
        uncompared=tuple(item.id for item in desired.resources if uncompared(item)),
        unreachable=tuple(sorted(observation.unreachable)),
        held={name: words(one) for name, one in observation.maintenance.items()},
        blocked=_blocked(desired, observation, sorted_, gone),
        facts={step.id: step_digest(step) for step in steps},
        made_by=__version__,
    )


def _steps(
    desired: Desired, observation: Observation, scope: Scope, sorted_: Sorted, gone: Leaving
) -> tuple[Step, ...]:
    waves = wave_steps(sorted_.wave)
    first = [change for change in gone.changes if leave_first(change, desired.workloads)]
    leaves = remove_steps(first, desired.workloads, waves)
    rolls = roll_steps(sorted_.rolling, desired.workloads, observation, (*waves, *leaves))
    strays = _strays(desired, observation, scope, gone)
    touched = _touched(desired, scope, waves, rolls, gone, strays)
    settles = tuple(
        _without_lost(step, desired, observation, gone)
        for step in settle_steps(touched, desired.workloads, (*waves, *leaves, *rolls), strays)
    )
    rest = [change for change in gone.changes if change not in first]
    removes = remove_steps(rest, desired.workloads, (*waves, *leaves, *rolls, *settles))
    return (*waves, *leaves, *rolls, *settles, *removes)


def _without_lost(settle: Step, desired: Desired, observation: Observation, gone: Leaving) -> Step:
    """Who leaves and is down, or never came up, is not waited for before it goes."""
    if settle.service not in gone.shrinking:
        return settle
    up = {member for (member, _), one in observation.standings.items() if one.role != "unknown"}
    members = tuple(one.name for one in desired.workloads[settle.service][1].members())
    mine = {
        change.member
        for change in gone.changes
        if change.service == settle.service and target_of(change.id.where) == settle.target
    }
    leavers = sorted(mine - {"", *members})
    lost = [member for member in leavers if member not in up]
    if not lost:
        return settle
    return settle_without(settle, lost, (*members, *(one for one in leavers if one in up)))


def _strays(
    desired: Desired, observation: Observation, scope: Scope, gone: Leaving
) -> dict[str, str]:
    """By service, whom its members still count and who is none of them any more. A member that is
    to leave is none yet, be it on a place that can't be seen, nor is who runs where a member was
    before, until that is taken away; and a service that is held stays as it is."""
    found = {}
    cleared = {(change.service, target_of(change.id.where)) for change in gone.changes}
    for name, (target, workload) in desired.workloads.items():
        members = {member.name for member in workload.members()}
        leavers = {seat.member for seat in observation.seats.get(name, ())} - members
        unseen = any(target_of(where) == target for where in observation.unreachable)
        if (name, target) in cleared:
            continue
        if leavers or unseen or name in observation.maintenance or not scope.holds(name, ""):
            continue
        if words := workload.strays(observation.standings):
            found[name] = words
    return found


def _touched(
    desired: Desired,
    scope: Scope,
    waves: Sequence[Step],
    rolls: Sequence[Step],
    gone: Leaving,
    strays: Collection[str],
) -> tuple[str, ...]:
    """Services that must be whole again at the end, and the balancers through which clients come to
    them; each behind those that it speaks of."""
    names = {change.service for step in (*waves, *rolls) for change in step.changes}
    names |= {change.service for change in gone.changes if change.service in gone.shrinking}
    names |= {*strays}
    names |= {
        pool
        for pool, (_, workload) in desired.workloads.items()
        if workload.leads is not None
        and scope.holds(pool, "")
        and any(lead.lane.service in names for lead in workload.leads({}))
    }
    return tuple(name for name in desired.workloads if name in names)


def _blocked(
    desired: Desired, observation: Observation, sorted_: Sorted, gone: Leaving
) -> tuple[str, ...]:
    touched: set[str] = {change.id.where for change in sorted_.changes()}
    wanted = [item for item in desired.resources if item.id.where in touched]
    problems = [
        str(problem.error)
        for problem in observation.problems
        if problem.severity == "error" and (problem.where in touched or not problem.where)
    ]
    unfit = _unfit(desired, observation, {change.service for change in sorted_.wave})
    return (*unfit, *problems, *refusals(wanted, observation, problems), *gone.refused)


def _unfit(desired: Desired, observation: Observation, building: set[str]) -> Iterator[str]:
    """Why services that are about to get a new member should not: what stands already goes on."""
    recorded = {seat.member for seats in observation.seats.values() for seat in seats}
    for service in sorted(building & set(desired.workloads)):
        target, workload = desired.workloads[service]
        if any(
            member.name not in recorded
            and f"{target}/{member.seat.node}" not in observation.unreachable
            for member in workload.members()
        ):
            yield from map(str, workload.unfit)
