"""Taking services down, changing a service's size: the same spec with one word changed."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

from opsctl.flow.applying import make_plan
from opsctl.flow.parts import Parts, unknown
from opsctl.flow.survey import Survey
from opsctl.planning.build import Scope
from opsctl.planning.plan import Plan
from opsctl.planning.resource import Impact


def destroy_plan(
    parts: Parts, services: tuple[str, ...], delete_data: frozenset[str]
) -> tuple[Plan, Survey]:
    """Takes `services` down (all when none is named). Data stays unless its name is given."""
    known = parts.environment.services
    for name in services:
        if name not in known:
            raise unknown("service", name, known)
    document: dict[str, Any] = deepcopy(dict(parts.environment.document))
    for name in services or tuple(known):
        document["services"][name]["state"] = "absent"
    scope = Scope(delete_data=delete_data)
    title = f"destroy {' '.join(services) or parts.environment.name}"
    return _asked(*make_plan(parts.with_document(document), scope, title))


def scale_plan(parts: Parts, service: str, replicas: int) -> tuple[Plan, Survey]:
    """The plan that makes `service` have `replicas` members, one leaving or joining at a time."""
    parts.service(service)
    document: dict[str, Any] = deepcopy(dict(parts.environment.document))
    document["services"][service]["replicas"] = replicas
    scope = Scope(limit=(service,), shrink=frozenset({service}))
    return _asked(
        *make_plan(parts.with_document(document), scope, f"scale {service} to {replicas}")
    )


def _asked(plan: Plan, seen: Survey) -> tuple[Plan, Survey]:
    """The verb itself says that members will go: it is agreed to by typing it."""
    return replace(plan, asked=Impact.FAILOVER), seen
