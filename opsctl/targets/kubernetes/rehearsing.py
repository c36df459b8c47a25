"""What the API server would say to our changes, asked beforehand: nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from opsctl.errors import OpsError
from opsctl.planning.observation import Problem
from opsctl.planning.resource import Actual, Resource, ResourceId
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.site import Running, Site
from opsctl.targets.kubernetes.stamping import stamped

MOST: Final = 60  # objects; a change of many more meets the same refusals in the first ones


def rehearsed(
    api: Api,
    site: Site,
    pool: ThreadPoolExecutor,
    resources: Sequence[Resource],
    actual: Mapping[ResourceId, Actual],
    *,
    force: bool,
) -> Iterator[Problem]:
    """The refusals of objects that are there and differ: immutable fields, webhooks, mistakes.

    Who may only read learns nothing here, and is told nothing of it.
    """
    changing = [one for one in resources if _changes(one, actual[one.id])][:MOST]

    def ask(one: Resource) -> OpsError | None:
        try:
            api.apply(stamped(one, site.namespace), dry_run=True, force=force)
        except OpsError as error:
            return error
        return None

    for error in pool.map(ask, changing):
        if error is not None and error.code not in _TOLD_ELSEWHERE:
            yield Problem(site.where, error)


# A conflict stands with its object, by name and time; the rest is no refusal of the change.
_TOLD_ELSEWHERE: Final = frozenset(
    {"kubernetes/conflict", "kubernetes/forbidden", "kubernetes/terminating"}
)


def _changes(resource: Resource, found: Actual) -> bool:
    if found.attributes is None or found.foreign or isinstance(resource.payload, Running):
        return False
    return any(v is not None and found.attributes.get(k) != v for k, v in resource.desired.items())
