"""Plan: look, compare, say what would change. Nothing here changes a target, so that who only looks
does not wait for the import of what does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opsctl.flow.generations import refused
from opsctl.flow.parts import Parts, unknown
from opsctl.flow.survey import Survey, survey
from opsctl.planning.build import build
from opsctl.planning.desired import Scope
from opsctl.planning.plan import Plan, Reach


def make_plan(parts: Parts, scope: Scope, title: str = "apply") -> tuple[Plan, Survey]:
    """Looks at everything and says what would change. Changes nothing."""
    seen = survey(parts)
    for name in scope.limit:
        _member(seen, *name.partition("/")[::2])
    plan = build(seen.desired, seen.observation, scope, title)
    workloads = [workload for _, workload in seen.desired.workloads.values()]
    used = seen.observation.generations
    outdated = refused(parts.generations, used, workloads, parts.lock_file)
    blocked = (*outdated, *plan.blocked)
    reach: Reach = "part" if scope.limit else "all"
    return replace(plan, options=scope_options(scope), blocked=blocked, reach=reach), seen


def _member(seen: Survey, service: str, member: str) -> None:
    """Raises OpsError `spec/unknown-member` for one that neither is to be nor is there."""
    if member and service in seen.present:
        known = tuple(one.name for one in seen.present[service][1].members())
        if member not in known:
            raise unknown("member", member, known)


def scope_options(scope: Scope) -> dict[str, object]:
    """The scope as a saved plan keeps it."""
    return {
        "limit": list(scope.limit),
        "prune": scope.prune,
        "shrink": sorted(scope.shrink),
        "delete_data": sorted(scope.delete_data),
    }


def scope_from(options: Mapping[str, object]) -> Scope:
    """The scope that a saved plan was made with."""
    words = {key: value for key, value in options.items() if isinstance(value, list)}
    return Scope(
        limit=tuple(words.get("limit", ())),
        prune=options.get("prune") is True,
        shrink=frozenset(words.get("shrink", ())),
        delete_data=frozenset(words.get("delete_data", ())),
    )
