"""A fingerprint of what a step is about to do, by which a saved plan is found stale."""

from __future__ import annotations

import hashlib
import json

from opsctl.planning.plan import Plan, Step


def step_digest(step: Step) -> str:
    """SHA-256 (16 hex digits) over the changes, both sides. Roles are not in it: who is primary
    is found when the step runs."""
    words = [
        [change.id.key, change.verb, [[f.name, f.before, f.after] for f in change.fields]]
        for change in step.changes
    ]
    text = json.dumps([step.id, step.kind, step.verb, dict(step.arguments), words])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stale(saved: Plan, fresh: Plan) -> tuple[str, ...]:
    """Steps that would no longer do what the saved plan says; () when it still holds."""
    return tuple(
        sorted(
            step
            for step in {*saved.facts, *fresh.facts}
            if saved.facts.get(step) != fresh.facts.get(step)
        )
    )
