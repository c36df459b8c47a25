"""What a plan ends with that is only shown."""

from __future__ import annotations

from opsctl.errors import Exit
from opsctl.planning.plan import Plan


def plan_exit(plan: Plan, *, differs: bool = False) -> Exit:
    """What a plan that is only shown ends with; `differs`: changes give exit 3."""
    if plan.unreachable:
        return Exit.UNOBSERVED
    if plan.blocked or plan.withheld:
        return Exit.REFUSED
    return Exit.DIFFERS if differs and not plan.empty else Exit.DONE


def drift_exit(plan: Plan) -> Exit:
    """What differs counts before what an apply would refuse: nobody wants to apply."""
    if plan.unreachable or plan.empty:
        return plan_exit(plan)
    return Exit.DIFFERS
