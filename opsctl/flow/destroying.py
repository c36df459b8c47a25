"""Taking services down, changing a service's size: the same spec with one word changed."""

from __future__ import annotations

from collections.abc import Set
from copy import deepcopy
from dataclasses import replace
from typing import Any

from opsctl.flow.looking import make_plan
from opsctl.flow.parts import Parts, unknown
from opsctl.flow.survey import Survey
from opsctl.planning.desired import Scope
from opsctl.planning.plan import Plan
from opsctl.planning.resource import Impact


def destroy_plan(
    parts: Parts, services: tuple[str, ...], delete_data: frozenset[str]
) -> tuple[Plan, Survey]:
    """Takes `services` down (all when none is named), and routes to and through them; with a route
    go balancers that nobody wrote down. Data stays unless its name is given."""
    known = parts.environment.services
    for name in services:
        if name not in known:
            raise unknown("service", name, known)
    document: dict[str, Any] = deepcopy(dict(parts.environment.document))
    gone = set(services) or {name for name, service in known.items() if service.managed}
    gone |= _of_nobody(parts, gone)
    for name in sorted(gone):
        _written(parts, document, name)["state"] = "absent"
    for name, route in parts.environment.routes.items():
        if {route.to, route.via} & gone:
            del document["routes"][name]
    scope = Scope(delete_data=delete_data)
    title = f"destroy {' '.join(services) or parts.environment.name}"
    return _asked(*make_plan(parts.with_document(document), scope, title))


def scale_plan(parts: Parts, service: str, replicas: int) -> tuple[Plan, Survey]:
    """The plan that makes `service` have `replicas` members, one leaving or joining at a time."""
    parts.service(service)
    document: dict[str, Any] = deepcopy(dict(parts.environment.document))
    _written(parts, document, service)["replicas"] = replicas
    scope = Scope(limit=(service,), shrink=frozenset({service}))
    plan, seen = _asked(
        *make_plan(parts.with_document(document), scope, f"scale {service} to {replicas}")
    )
    return replace(plan, reach="named"), seen


def _of_nobody(parts: Parts, gone: Set[str]) -> set[str]:
    """Balancers that stand in the spec only because routes to `gone` services need some."""
    written = parts.environment.document.get("services", {})
    led: dict[str, set[str]] = {}
    for route in parts.environment.routes.values():
        if route.via is not None and route.via not in written:
            led.setdefault(route.via, set()).add(route.to)
    return {pool for pool, services in led.items() if services <= gone}


def _written(parts: Parts, document: dict[str, Any], name: str) -> dict[str, Any]:
    """The service as it stands in the document; one that was added there is written down first."""
    added = parts.service(name).model_dump(mode="json", exclude_unset=True)
    found: dict[str, Any] = document.setdefault("services", {}).setdefault(name, added)
    return found


def _asked(plan: Plan, seen: Survey) -> tuple[Plan, Survey]:
    """The verb itself says that members will go: it is agreed to by typing it."""
    return replace(plan, asked=Impact.FAILOVER), seen
