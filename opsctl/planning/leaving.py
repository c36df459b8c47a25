"""What opsctl once built and the spec no longer wants: taken away only when that was said."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from opsctl.planning.desired import Desired, Scope
from opsctl.planning.difference import removal
from opsctl.planning.observation import Observation
from opsctl.planning.plan import Change
from opsctl.planning.resource import Owned, ResourceId
from opsctl.planning.workloads import elsewhere, target_of

_Member = tuple[str, str, str]  # service, target, member


@dataclass(frozen=True, slots=True)
class Leaving:
    """`changes` go, `left` stay and are shown, `refused` says what stands in the way."""

    changes: tuple[Change, ...] = ()
    left: tuple[ResourceId, ...] = ()
    refused: tuple[str, ...] = ()
    shrinking: frozenset[str] = frozenset()  # services that stay with fewer members
    behind: tuple[str, ...] = ()  # in words, data that did not go along with its service


def leaving(desired: Desired, observation: Observation, scope: Scope) -> Leaving:
    """Sorts everything owned that is not desired."""
    wanted = {resource.id for resource in desired.resources}
    members = {
        (service, target, member.name)
        for service, (target, workload) in desired.workloads.items()
        for member in workload.members()
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
    behind = (*_behind(desired, observation, scope), *_anew(desired, observation, scope))
    return Leaving(tuple(changes), tuple(left), refused, shrinking, behind)


def _reason(owned: Owned, desired: Desired, scope: Scope, members: Set[_Member]) -> str:
    """Why it may go; "" when nobody said so."""
    if owned.service in desired.absent:
        return "state: absent"
    place = owned.id.where
    if (owned.service, target_of(place), owned.member) in members and not owned.loss:
        return "no longer needed by this member"
    if owned.service in scope.shrink and not elsewhere(owned.service, place, desired.workloads):
        return "the service gets smaller"
    if scope.prune and not scope.limit:
        return "no longer in the spec"
    return ""


def _data_may_go(owned: Owned, scope: Scope) -> bool:
    """Data goes only when its name is given."""
    return not owned.loss or bool({owned.service, owned.member} & scope.delete_data)


def _behind(desired: Desired, observation: Observation, scope: Scope) -> Iterator[str]:
    """A service whose `on:` was changed begins empty."""
    places = {
        (owned.service, target_of(owned.id.where))
        for owned in observation.owned
        if owned.loss
        and scope.holds(owned.service, owned.member)
        and elsewhere(owned.service, owned.id.where, desired.workloads)
    }
    for service, target in sorted(places):
        home, _ = desired.workloads[service]
        yield f"{service} is on {home} now; its data on {target} does not move there"


def _anew(desired: Desired, observation: Observation, scope: Scope) -> Iterator[str]:
    """One that was applied, and of which no place has anything now: its hosts went out of the spec,
    and its data with them. What is on a place that can't be seen is not known to be gone."""
    before = observation.documents.get(observation.revision, {}).get("services") or {}
    there = {owned.service for owned in observation.owned}
    keeping = {resource.service for resource in desired.resources if resource.loss}
    for service, (target, _) in desired.workloads.items():
        written = before.get(service) or {"state": "absent"}
        unseen = any(target_of(where) == target for where in observation.unreachable)
        if written.get("state") == "absent" or service in there or unseen:
            continue
        if service in keeping and scope.holds(service, ""):
            words = f"no place of {target} has anything of it now: it begins empty"
            yield f"{service} is in revision {observation.revision}, but {words}"


def _unmatched(desired: Desired, observation: Observation, scope: Scope) -> Iterator[str]:
    """Names given with --delete-data that own no data here: a misspelt name must not pass."""
    known = {name for owned in observation.owned for name in (owned.service, owned.member)}
    known |= set(desired.workloads)
    for name in sorted(scope.delete_data - known):
        yield f'--delete-data "{name}": no such service or member here'
