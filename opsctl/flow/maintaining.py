"""Maintenance of a service: for a while it neither fails over by itself nor is changed by an apply.

The targets keep it: they end it by their own clocks, although opsctl or its caller is gone.
"""

from __future__ import annotations

from opsctl.errors import Exit, OpsError
from opsctl.flow.operating import verb_plan, workload_of
from opsctl.flow.parts import Parts
from opsctl.flow.survey import Survey, survey
from opsctl.model import Duration
from opsctl.planning.plan import Plan, Step
from opsctl.planning.resource import Impact
from opsctl.planning.workloads import target_of
from opsctl.running.maintaining import END, HOLD


def hold_plan(parts: Parts, service: str, time: Duration, reason: str) -> tuple[Plan, Survey]:
    """Holds `service` from when the plan runs; one that is held already gets the new end."""
    seen = survey(parts)
    workload = workload_of(parts, seen, service)
    longest = workload.hold.longest
    if longest is not None and time.seconds > longest:
        raise OpsError(
            "maintenance/too-long",
            f"{workload.engine} can be held for {longest / 3600:g} h at a time, {time} was asked",
            where=service,
            hint="hold it for less and say it again before that ends, which lengthens it",
            exit=Exit.REFUSED,
        )
    arguments = {"seconds": f"{time.seconds:g}", "who": parts.who, "reason": reason}
    after = (
        f"{len(workload.hold.pins)} members are told not to fail over"
        if workload.hold.pins
        else "nothing: it does not fail over by itself anyway"
    )
    step = _step(seen, service, HOLD, f"hold {service} for {time}", arguments, after)
    title = f"maintenance of {service} for {time}: {reason}"
    return verb_plan(parts, seen, title, (step,)), seen


def end_plan(parts: Parts, service: str) -> tuple[Plan, Survey]:
    """Ends it at once; no step where nothing of it is known any more.

    Raises OpsError `apply/unreachable` where a place may know of it that can't be asked.
    """
    seen = survey(parts)
    workload = workload_of(parts, seen, service)
    title = f"end the maintenance of {service}"
    if service not in seen.observation.maintenance:
        if away := _away(seen, service):
            raise OpsError(
                "apply/unreachable",
                f"no maintenance of {service} was found, and {', '.join(away)} can't be asked",
                hint="a host ends it at its time by itself; sooner: bring it back, then again",
                exit=Exit.UNOBSERVED,
            )
        return verb_plan(parts, seen, title, ()), seen
    after = f"{len(workload.hold.pins)} members may fail over again" if workload.hold.pins else ""
    step = _step(seen, service, END, title, {"who": parts.who}, after)
    return verb_plan(parts, seen, title, (step,)), seen


def _away(seen: Survey, service: str) -> list[str]:
    """The places of its target that can't be seen."""
    target, _ = seen.present[service]
    away = seen.observation.unreachable
    return sorted(where for where in away if target_of(where) == target)


def _step(
    seen: Survey, service: str, verb: str, title: str, arguments: dict[str, str], after: str
) -> Step:
    target, _ = seen.present[service]
    away = _away(seen, service)
    without = f"; it goes on without {', '.join(away)}" if away else ""
    return Step(
        id=f"{verb}/{service}",
        kind="operate",
        title=title,
        target=target,
        service=service,
        verb=verb,
        arguments=arguments,
        impact=Impact.NONE,
        after=f"{after}{without}",
    )
