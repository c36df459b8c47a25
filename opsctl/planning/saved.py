"""Plans as JSON: saved, posted, applied later."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.planning.plan import Change, Field, Plan, Step
from opsctl.planning.resource import Impact, ResourceId

FORMAT = 1


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Plain data; fingerprints and masked texts only."""
    data = dataclasses.asdict(plan, dict_factory=_plain)
    return {"opsctl_plan": FORMAT, **data}


def plan_from_json(text: str) -> Plan:
    """Raises OpsError `plan/unreadable` for anything that opsctl did not write."""
    try:
        data = json.loads(text)
        version = data.pop("opsctl_plan")
        if version != FORMAT:
            raise OpsError(
                "plan/newer-format",
                f"the plan has format {version}, this opsctl reads {FORMAT}",
                hint="make a new plan with this opsctl",
                exit=Exit.INPUT,
            )
        return _plan(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OpsError(
            "plan/unreadable",
            "this is not a plan that opsctl wrote, or not all of it",
            hint="make one with `opsctl plan --out FILE`",
            exit=Exit.INPUT,
        ) from error


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value.words if isinstance(value, Impact) else value for key, value in pairs}


def _plan(data: dict[str, Any]) -> Plan:
    lists = ("unreachable", "blocked")
    ids = ("left", "uncompared")
    return Plan(
        **{
            **data,
            **{key: tuple(data[key]) for key in lists},
            **{key: tuple(ResourceId(**item) for item in data[key]) for key in ids},
            "steps": tuple(_step(item) for item in data["steps"]),
            "asked": _impact(data["asked"]),
            "held": data.get("held", {}),
            "behind": tuple(data.get("behind", ())),
        }
    )


def _step(data: dict[str, Any]) -> Step:
    lists = ("members", "where", "needs")
    return Step(
        **{
            **data,
            **{key: tuple(data[key]) for key in lists},
            "changes": tuple(_change(item) for item in data["changes"]),
            "impact": _impact(data["impact"]),
            "besides": _impact(data.get("besides", Impact.NONE.words)),
        }
    )


def _change(data: dict[str, Any]) -> Change:
    return Change(
        **{
            **data,
            "id": ResourceId(**data["id"]),
            "impact": _impact(data["impact"]),
            "fields": tuple(Field(**item) for item in data["fields"]),
            "diff": tuple(data["diff"]),
        }
    )


def _impact(words: str) -> Impact:
    return Impact[words.upper().replace(" ", "_")]
