"""Who agreed to what: pure rules, asked before anything is locked or changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opsctl.errors import Exit, OpsError
from opsctl.planning.holding import words
from opsctl.planning.observation import Turn
from opsctl.planning.plan import Plan
from opsctl.planning.resource import Impact
from opsctl.ports import Fence, Target


@dataclass(frozen=True, slots=True)
class Consent:
    """What the caller allowed.

    `ask` shows the plan and gives the answer; None where nobody can be asked. `reviewed` says that
    the plan was saved before and read by somebody. `max_impact` None means: no bound was given.
    """

    yes: bool = False
    reviewed: bool = False
    max_impact: Impact | None = None
    ask: Callable[[], bool] | None = None
    skip_unreachable: bool = False
    during_maintenance: bool = False


def agree(plan: Plan, consent: Consent) -> None:
    """Raises OpsError (exit 4) when a precondition or the consent is missing."""
    _possible(plan, consent)
    bound = consent.max_impact
    if bound is None and consent.ask is None and not consent.reviewed:
        bound = max(Impact.RELOAD, plan.asked)
    # Data goes only where its name was given: that is the consent to its loss, and to no more.
    cost = max((step.felt for step in plan.steps), default=Impact.NONE)
    if bound is not None and cost > bound:
        raise OpsError(
            "apply/impact",
            f"the plan costs a {cost.words}, and at most {bound.words} was allowed",
            hint=f"read `opsctl plan`, then allow it: --max-impact {cost.words}",
            exit=Exit.REFUSED,
        )
    if consent.yes or consent.reviewed or plan.empty:
        return
    if consent.ask is None:
        raise OpsError(
            "apply/no-consent",
            "nobody is there to be asked",
            hint="apply a plan saved by `opsctl plan --out FILE`, or say --yes"
            if plan.title == "apply"
            else "say --yes",
            exit=Exit.REFUSED,
        )
    if not consent.ask():
        raise OpsError("apply/declined", "nothing was changed", exit=Exit.REFUSED)


def not_held_since(plan: Plan, targets: Sequence[Target]) -> None:
    """Raises `run/maintenance` for a service that was put into maintenance after the plan was made,
    such as while somebody read it. Asked under the lock, so nobody can begin one afterwards."""
    unknown = (plan.changing | plan.struck) - set(plan.held)
    if not unknown:
        return
    held = {name: one for target in targets for name, one in target.maintenance().items()}
    if found := [words(held[name]) for name in sorted(unknown & set(held))]:
        raise _held(found, goes_on=not plan.struck)


def nobody_since(turns: Mapping[str, Turn], fences: Mapping[str, Fence]) -> None:
    """Raises `plan/stale` when others had the lock after the look that a plan was made with, and
    `lock/held` when somebody had it just then: either may have changed what the plan speaks of."""
    for name in fences:
        if name in turns and turns[name].holder:
            raise OpsError(
                "lock/held",
                f"{turns[name].holder} was at work while this plan was made",
                hint="make a new plan and read it",
                exit=Exit.LOCKED,
            )
    if others_since(turns, fences):
        raise OpsError(
            "plan/stale",
            "somebody else was at work since this plan was made",
            hint="make a new plan and read it; opsctl history shows who",
            exit=Exit.REFUSED,
        )


def others_since(turns: Mapping[str, Turn], fences: Mapping[str, Fence]) -> bool:
    """Whether a target's lock was taken between the look and us, or was held when we looked."""
    return any(
        name in turns and (turns[name].holder != "" or fence.token != turns[name].token + 1)
        for name, fence in fences.items()
    )


def _held(found: Sequence[str], *, goes_on: bool = True) -> OpsError:
    changing = (
        "wait, leave it out with --limit, or `opsctl maintenance SERVICE --end`; "
        "--during-maintenance goes on all the same"
    )
    return OpsError(
        "run/maintenance",
        "; ".join(found),
        hint=changing if goes_on else "wait, or `opsctl maintenance SERVICE --end`",
        exit=Exit.REFUSED,
    )


def _possible(plan: Plan, consent: Consent) -> None:
    if plan.blocked:
        raise OpsError(
            "apply/blocked",
            plan.blocked[0] if len(plan.blocked) == 1 else "something stands in the way",
            details=plan.blocked if len(plan.blocked) > 1 else (),
            hint="mend it, or leave that part out with --limit" if plan.title == "apply" else "",
            exit=Exit.REFUSED,
        )
    if plan.withheld and not consent.during_maintenance:
        raise _held([plan.held[service] for service in plan.withheld])
    if plan.unreachable and not consent.skip_unreachable:
        raise OpsError(
            "apply/unreachable",
            f"can't see {', '.join(plan.unreachable)}",
            hint="bring it back, or go on without it: --skip-unreachable",
            exit=Exit.UNOBSERVED,
        )
    if plan.uncompared and not plan.empty:
        raise OpsError(
            "apply/no-root-key",
            f"{len(plan.uncompared)} things hold secrets that can't be known here",
            hint="run `opsctl secrets init` once, or hand over the root key",
            exit=Exit.REFUSED,
        )
