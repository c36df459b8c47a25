"""Whose turn it is: one running member, the least important role first, the primary last.

What costs clients nothing is tried on one member. When that one is well, the others of its service
that take in the same go together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from opsctl.planning.plan import Step
from opsctl.planning.resource import Impact
from opsctl.running.context import Context
from opsctl.workload import Standings, Workload


def next_turn(ready: Sequence[Step], done: Collection[str], context: Context) -> tuple[Step, ...]:
    """The steps that go now: one, or those whose like is `done` already."""
    first = next_member(ready, context)
    if not _tried(first, done, context.plan.steps):
        return (first,)
    return tuple(_apart(step for step in ready if _alike(step, first)))


def _tried(step: Step, done: Collection[str], steps: Sequence[Step]) -> bool:
    return any(other.id in done and _alike(other, step) for other in steps)


def _alike(one: Step, other: Step) -> bool:
    """Whether both take in the same, and nobody notices."""
    if (one.kind, one.service) != (other.kind, other.service):
        return False
    return one.impact is other.impact is Impact.NONE and _taken_in(one) == _taken_in(other)


def _taken_in(step: Step) -> frozenset[tuple[str, str, str, tuple[str, ...]]]:
    return frozenset(
        (change.verb, change.id.kind, change.component, tuple(one.name for one in change.fields))
        for change in step.changes
    )


def _apart(steps: Iterator[Step]) -> Iterator[Step]:
    """Those of different places: what is done at one place is one piece of work."""
    taken: set[str] = set()
    for step in steps:
        if taken.isdisjoint(step.where):
            taken.update(step.where)
            yield step


def next_member(steps: Sequence[Step], context: Context) -> Step:
    """Whose turn it is: looked up when it is needed, because roles move."""
    service = steps[0].service
    mine = [step for step in steps if step.service == service]
    here = context.service(service)
    standings = here.standings()
    return min(mine, key=lambda step: (_rank(step, here.workload, standings), step.members))


def _rank(step: Step, workload: Workload, standings: Standings) -> int:
    order = workload.rolling.order
    (member,) = step.members
    ranks = [
        order.index(standing.role)
        for (name, _), standing in standings.items()
        if name == member and standing.role in order
    ]
    return max(ranks, default=-1)  # a member that does not answer serves nobody: it goes first
