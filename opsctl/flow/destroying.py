"""Taking services down, going back to an earlier spec, changing a service's size."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.flow.applying import make_plan
from opsctl.flow.parts import Parts, unknown
from opsctl.flow.survey import Survey
from opsctl.planning.build import Scope
from opsctl.planning.plan import Plan


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
    return make_plan(parts.with_document(document), scope, title)


def rollback_plan(parts: Parts, revision: int | None) -> tuple[Plan, Survey, Parts]:
    """The plan back to `revision`, or to the one before the newest.

    Raises OpsError `rollback/no-revision` with those that there are.
    """
    _, seen = make_plan(parts, Scope())
    documents = seen.observation.documents
    wanted = revision if revision is not None else _previous(parts, documents)
    if wanted not in documents:
        raise OpsError(
            "rollback/no-revision",
            f"the targets keep no revision {wanted}",
            hint=f"they keep {_list(documents)}; see `opsctl history`",
            exit=Exit.REFUSED,
        )
    then = parts.with_document(documents[wanted])
    plan, seen = make_plan(then, Scope(), f"rollback to revision {wanted}")
    return plan, seen, then


def scale_plan(parts: Parts, service: str, replicas: int) -> tuple[Plan, Survey]:
    """The plan that makes `service` have `replicas` members, one leaving or joining at a time."""
    parts.service(service)
    document: dict[str, Any] = deepcopy(dict(parts.environment.document))
    document["services"][service]["replicas"] = replicas
    scope = Scope(limit=(service,), shrink=frozenset({service}))
    return make_plan(parts.with_document(document), scope, f"scale {service} to {replicas}")


def _previous(parts: Parts, documents: Mapping[int, Mapping[str, Any]]) -> int:
    """The newest revision that differs from the spec that was last begun."""
    newest = max(documents, default=0)
    current = documents.get(newest, parts.environment.document)
    earlier = [number for number in documents if documents[number] != current]
    return max(earlier, default=newest - 1)


def _list(documents: Mapping[int, Mapping[str, Any]]) -> str:
    return ", ".join(str(number) for number in sorted(documents)) or "none"
