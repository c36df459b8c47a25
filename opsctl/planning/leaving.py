"""What opsctl once built and the spec no longer wants: taken away only when that was said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.planning.difference import removal
from opsctl.planning.observation import Observation
from opsctl.planning.plan import Change
from opsctl.planning.resource import Owned, ResourceId

if TYPE_CHECKING:
    from opsctl.planning.build import Desired, Scope


@dataclass(frozen=True, slots=True)
class Leaving:
    """`changes` go, `left` stay and are shown, `refused` says what stands in the way."""

    changes: tuple[Change, ...] = ()
    left: tuple[ResourceId, ...] = ()
    refused: tuple[str, ...] = ()
    shrinking: frozenset[str] = frozenset()  # services that stay with fewer members


def leaving(desired: Desired, observation: Observation, scope: Scope) -> Leaving:
    """Sorts everything owned that is not desired."""
    wanted = {resource.id for resource in desired.resources}
    members = {
        member.name for _, workload in desired.workloads.values() for member in workload.members()
    }
    changes: list[Change] = []
    left: list[ResourceId] = []
    for owned in observation.owned:
        if owned.id in wanted or not scope.holds(owned.service, owned.member):
            continue
        reason = _reason(owned, desired, scope, members)
        if reason and _data_may_go(owned, scope):
            changes.append(removal(owned, reason))
        else:
            left.append(owned.id)
    shrinking = frozenset(change.service for change in changes) & frozenset(desired.workloads)
    refused = tuple(_unmatched(desired, observation, scope))
    return Leaving(tuple(changes), tuple(left), refused, shrinking)


def _reason(owned: Owned, desired: Desired, scope: Scope, members: set[str]) -> str:
    """Why it may go; "" when nobody said so."""
    if owned.service in desired.absent:
        return "state: absent"
    if owned.member in members and not owned.loss:
        return "no longer needed by this member"
    if owned.service in scope.shrink:
        return "the service gets smaller"
    if scope.prune and not scope.limit:
        return "no longer in the spec"
    return ""


def _data_may_go(owned: Owned, scope: Scope) -> bool:
    """Data goes only when its name is given."""
    return not owned.loss or bool({owned.service, owned.member} & scope.delete_data)


def _unmatched(desired: Desired, observation: Observation, scope: Scope) -> Iterator[str]:
    """Names given with --delete-data that own no data here: a misspelt name must not pass."""
    known = {name for owned in observation.owned for name in (owned.service, owned.member)}
    known |= set(desired.workloads)
    for name in sorted(scope.delete_data - known):
        yield f'--delete-data "{name}": no such service or member here'
