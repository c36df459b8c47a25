"""What goes becomes steps: one for every member that loses something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from opsctl.planning.plan import Change, Step
from opsctl.planning.resource import Impact
from opsctl.planning.workloads import Workloads, elsewhere, target_of

_Leaver = tuple[str, str, str]  # service, target, member


def remove_steps(
    changes: Sequence[Change], workloads: Workloads, before: Sequence[Step]
) -> tuple[Step, ...]:
    """One step for every member that loses something, the highest ordinal first; for one of that
    name on another target another one.

    Its verb is "leave" when the member leaves a service that stays.
    """
    leavers: dict[_Leaver, list[Change]] = {}
    for change in changes:
        key = (change.service, target_of(change.id.where), change.member)
        leavers.setdefault(key, []).append(change)
    names = Counter((service, member) for service, _, member in leavers)
    steps: list[Step] = []
    needs = tuple(step.id for step in before)
    for (service, target, member), mine in sorted(leavers.items(), key=_leaving_order):
        away = elsewhere(service, target, workloads)
        told = away or names[service, member] > 1
        felt = _felt(mine, workloads)
        step = Step(
            id=f"remove/{f'{target}/' if told else ''}{member or service or 'node'}",
            kind="remove",
            title=f"remove {member or service or 'what is left on the nodes'}"
            + (f" from {target}" if told else ""),
            target=target,
            service=service,
            members=(member,) if member else (),
            where=tuple(dict.fromkeys(change.id.where for change in mine)),
            changes=tuple(mine),
            needs=needs,
            impact=max(felt, *(change.impact for change in mine)),
            besides=felt,
            verb="leave" if _leaves(mine[0], workloads) else "",
        )
        # A service that stays loses one member at a time; one that goes, goes at once.
        if service in workloads and not away:
            needs = (*needs, step.id)
        steps.append(step)
    return tuple(steps)


def leave_first(change: Change, workloads: Workloads) -> bool:
    """Whether it takes a member away that leaves before the others are changed."""
    known = workloads.get(change.service)
    first = known is not None and known[1].rolling.leave_first
    return first and _leaves(change, workloads)


def _felt(leaving: Sequence[Change], workloads: Workloads) -> Impact:
    """What clients feel of one member's removal; data that is left of it stops nobody."""
    rest = [change for change in leaving if not change.loss]
    stops = (_stops(change, workloads) for change in rest)
    return max((*stops, *(change.impact for change in rest)), default=Impact.NONE)


def _stops(change: Change, workloads: Workloads) -> Impact:
    """What taking a member away costs: its clients go elsewhere, or nowhere. What a service has for
    all its members goes with it."""
    if not change.service:
        return Impact.NONE
    if change.service not in workloads or elsewhere(change.service, change.id.where, workloads):
        return Impact.FAILOVER
    return Impact.RESTART if _leaves(change, workloads) else Impact.NONE


def _leaves(change: Change, workloads: Workloads) -> bool:
    service, member = change.service, change.member
    if service not in workloads or not member:
        return False
    if elsewhere(service, change.id.where, workloads):
        return False
    return member not in {item.name for item in workloads[service][1].members()}


def _leaving_order(item: tuple[_Leaver, object]) -> tuple[bool, str, str, int, str]:
    (service, target, member), _ = item
    stem, _, ordinal = member.rpartition("-")
    return (not member, service, target, -int(ordinal) if ordinal.isdigit() else 0, stem)
