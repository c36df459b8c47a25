"""Desired against observed: one Change for everything that differs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from opsctl.planning.observation import Observation
from opsctl.planning.plan import Change, Field, Verb
from opsctl.planning.resource import Actual, Impact, Owned, Resource, ResourceId
from opsctl.workload import Facts, Object

# An attribute of this name says whether a process runs; one that differs means a start.
RUNNING = "running"


def difference(resource: Resource, actual: Actual | None) -> Change | None:
    """What has to happen to one resource; None when it is as desired."""
    if actual is None or actual.attributes is None:
        return _change(resource, "create", _fields(resource, {}), Impact.NONE, "")
    fields = _fields(resource, actual.attributes)
    if not fields:
        return None
    impact = max(resource.impact.get(field.name, Impact.NONE) for field in fields)
    change = _change(resource, _verb(fields, impact), fields, impact, actual.text)
    return replace(change, reason=actual.amiss) if actual.amiss else change


def uncompared(resource: Resource) -> bool:
    """Whether something of it can't be known here, for want of the secrets' key."""
    return any(value is None for value in resource.desired.values())


def object_difference(wanted: Object, found: Facts, where: str, service: str) -> Change | None:
    """What has to change inside a server; None when it is as desired."""
    fields = tuple(
        Field(key, found.get(key), value)
        for key, value in sorted(wanted.desired.items())
        if found.get(key) != value
    )
    if not fields:
        return None
    return Change(
        id=ResourceId(wanted.kind, where, f"{wanted.member}/{wanted.name}"),
        verb="update" if found else "create",
        service=service,
        member=wanted.member,
        component=wanted.component,
        impact=Impact.FAILOVER if wanted.effect == "failover" else Impact.NONE,
        fields=fields,
    )


def removal(owned: Owned, reason: str) -> Change:
    """The change that takes away what opsctl once put there."""
    return Change(
        id=owned.id,
        verb="remove",
        service=owned.service,
        member=owned.member,
        impact=Impact.DATA_LOSS if owned.loss else Impact.NONE,
        loss=owned.loss,
        reason=reason,
    )


def refusals(
    resources: Sequence[Resource], observation: Observation, said: Sequence[str]
) -> Iterator[str]:
    """Things in the way that belong to somebody else and of which nothing was `said` yet."""
    for resource in resources:
        actual = observation.actual.get(resource.id)
        foreign = actual.foreign if actual is not None else ""
        if foreign and not any(foreign in words for words in said):
            yield f"{resource.id}: {foreign}"


def _fields(resource: Resource, found: Facts) -> tuple[Field, ...]:
    return tuple(
        Field(name, found.get(name), value)
        for name, value in resource.desired.items()
        if value is not None and found.get(name) != value
    )


def _verb(fields: tuple[Field, ...], impact: Impact) -> Verb:
    if any(field.name == RUNNING for field in fields):
        return "start"
    if impact >= Impact.RESTART:
        return "restart"
    return "reload" if impact is Impact.RELOAD else "update"


def _change(
    resource: Resource, verb: Verb, fields: tuple[Field, ...], impact: Impact, before: str
) -> Change:
    return Change(
        id=resource.id,
        verb=verb,
        service=resource.service,
        member=resource.member,
        component=resource.component,
        impact=impact,
        fields=fields,
        diff=_lines(before, resource.text) if verb != "create" else (),
    )


def _lines(before: str, after: str) -> tuple[str, ...]:
    if not before or before == after:
        return ()
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return tuple(lines)[2:]
