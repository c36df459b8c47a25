"""Begins and ends a service's maintenance: its places keep it from then on."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.errors import OpsError
from opsctl.planning.plan import Step
from opsctl.ports import Upkeep
from opsctl.running.asking import perform_all
from opsctl.running.context import Context
from opsctl.workload import Quiet

HOLD, END = "hold", "end-hold"  # verbs of such steps


def maintain(step: Step, context: Context) -> None:
    """Tells every place. One that is away or a member that does not obey is told of, not fatal:
    the others hold, and an end comes to it by its own timer."""
    here = context.service(step.service)
    pins = here.workload.hold.pins
    given = step.arguments
    upkeep = Upkeep(
        service=step.service,
        seconds=float(given["seconds"]) if step.verb == HOLD else 0.0,
        who=given["who"],
        reason=given.get("reason", ""),
        pins=tuple((here.workload.member(pin.member).seat, pin) for pin in pins),
    )
    failed = here.target.maintain(upkeep, here.fence)
    what = "not held" if step.verb == HOLD else "not let go yet, its own timer tries on"
    for where, words in sorted(failed.items()):
        context.missed.append(f"{where.partition('/')[2] or where} is {what}: {words}")
        context.say(context.missed[-1], where=where)
    quiet = Quiet(
        environment=context.plan.environment,
        service=step.service,
        seconds=upkeep.seconds,
        who=upkeep.who,
        reason=upkeep.reason,
        routes=tuple(_routes(step.service, context)),
    )
    what = "are told all the same" if quiet.seconds else "stay silenced until its time is over"
    for words in _untold(quiet, context):
        context.missed.append(f"alerts of {step.service} {what}: {words}")
        context.say(context.missed[-1])


def _routes(service: str, context: Context) -> Iterator[str]:
    """Those that balancers lead to the service by."""
    for _, pool in context.workloads.values():
        for lead in pool.leads({}) if pool.leads is not None else ():
            if lead.lane.service == service:
                yield lead.lane.name


def _untold(quiet: Quiet, context: Context) -> Iterator[str]:
    """Tells everybody who tells of alerts; gives why one of them could not be told who hears of
    this service.

    On any target: a service may be watched from another one, and a Prometheus may tell one that it
    names. This run locked its service's alone, and that is enough, for nobody else holds that
    service now.
    """
    home, _ = context.workloads[quiet.service]
    try:
        context.silence(quiet)
    except OpsError as error:
        yield str(error)
    for name, teller in context.workloads.values():
        if teller.silence is None:
            continue
        calls = teller.silence(quiet)
        failed = perform_all(context.targets[name], teller, calls, context.fences.get(name))
        if failed and len(failed) == len(calls) and home in context.watched_from(name):
            yield failed[0].message
