"""Drills: a Plan that breaks something on purpose while a client writes, and what it measured."""

from __future__ import annotations

import secrets as random
from dataclasses import replace

from opsctl import __version__
from opsctl.drills.faults import OF_PODS, fault
from opsctl.drills.program import schemes
from opsctl.drills.report import Report as DrillReport
from opsctl.drills.strikes import beforehand, strike
from opsctl.errors import Exit, OpsError, SpecError
from opsctl.flow.applying import run_plan
from opsctl.flow.by_plan import check_operation
from opsctl.flow.conducting import Conductor
from opsctl.flow.consent import Consent, agree
from opsctl.flow.parts import Parts, unknown
from opsctl.flow.staging import Drill, scene_of
from opsctl.flow.survey import Survey, survey
from opsctl.planning.digest import step_digest
from opsctl.planning.holding import words
from opsctl.planning.plan import Plan, Step
from opsctl.planning.resource import Impact
from opsctl.planning.steps import settle_steps
from opsctl.planning.workloads import alone
from opsctl.ports import Events, Target
from opsctl.ports.process import Start
from opsctl.routes import directory
from opsctl.running.context import Stop
from opsctl.running.runner import Report
from opsctl.workload import Lane

LONGEST = 600.0  # seconds that a fault may last: its host keeps it that long without its caller
MARGIN = 60.0  # seconds that the lock outlives the hosts that fall, all at once


def drill_plan(
    parts: Parts,
    name: str,
    route: str,
    *,
    seconds: float = 0.0,
    client: str = "",
    percent: int = 0,
) -> tuple[Plan, Survey, Drill]:
    """What `fault` would do to the service behind `route` ("" when there is only one).

    Raises drills/refused where the spec does not allow it, drills/unknown-fault, drills/too-long,
    drills/no-route, drills/maintenance, and what the fault itself refuses as the service stands.
    """
    struck = fault(name)
    if percent:
        struck = struck.stronger(percent)
    _allowed(parts)
    _short(seconds)
    seen = survey(parts)
    pool, lane = _lane(parts, seen, route)
    _free(seen, (lane.service, pool))
    if lane.entry.scheme not in schemes():
        raise SpecError("drills/no-client", f"no drill client speaks {lane.entry.scheme}")
    service = parts.service(lane.service)
    drill = Drill(
        id=random.token_hex(4),
        environment=parts.environment.name,
        fault=struck,
        lane=lane,
        pool=pool,
        target=seen.present[lane.service][0],
        seconds=seconds or struck.seconds,
        client=client,
        by=parts.who,
        slo=service.slo,
        can_lose_nothing=service.can_promise_rpo_zero,
    )
    if struck.kind in OF_PODS and not parts.targets[drill.target].pods:
        raise OpsError(
            "drills/no-pods",
            f"{struck.name} strikes a pod, and {lane.service} runs on hosts",
            hint="primary-process or primary-host strikes it there",
            exit=Exit.REFUSED,
        )
    if seen.present[pool][0] != drill.target:
        message = f"{lane.service} is on {drill.target}, its balancers on {seen.present[pool][0]}"
        raise OpsError("drills/two-targets", message, exit=Exit.REFUSED)
    return _plan(parts, seen, drill), seen, drill


def run_drill(
    parts: Parts,
    made: tuple[Plan, Survey, Drill],
    consent: Consent,
    events: Events,
    stop: Stop,
    start: Start,
) -> tuple[Report, DrillReport | None]:
    """How the run ended, and what was measured if it came that far."""
    plan, seen, drill = made
    agree(plan, consent)
    endpoint = seen.present[drill.lane.service][1].endpoints[0]
    conductor = Conductor(drill, endpoint, parts.secrets, start)
    if drill.fault.select == "all":  # nobody is there to renew the lock with until they are back
        parts = replace(parts, lock_ttl=max(parts.lock_ttl, drill.outage + MARGIN))
    ended = run_plan(parts, plan, seen, events, stop, {"drill": conductor.perform})
    return ended, conductor.report


def _allowed(parts: Parts) -> None:
    if parts.environment.drills != "allowed":
        raise OpsError(
            "drills/refused",
            f"{parts.environment.name} does not allow drills",
            where=parts.environment.place(("drills",)) or parts.environment.place(("name",)),
            hint="drills: allowed",
            exit=Exit.REFUSED,
        )


def _short(seconds: float) -> None:
    if seconds > LONGEST:
        raise SpecError(
            "drills/too-long",
            f"a fault of {seconds:g} s was asked for, {LONGEST:g} s is the longest",
            hint=f"--for {LONGEST / 60:g}m, or less",
        )


def _free(seen: Survey, services: tuple[str, ...]) -> None:
    """What is held does not fail over by itself: a fault would last as long as it does."""
    for service in services:
        if held := seen.observation.maintenance.get(service):
            raise OpsError(
                "drills/maintenance",
                words(held),
                hint=f"wait until then, or `opsctl maintenance {service} --end`",
                exit=Exit.REFUSED,
            )


def _lane(parts: Parts, seen: Survey, route: str) -> tuple[str, Lane]:
    """(balancers, lane). A service's name stands for its route to the primary."""
    workloads = alone(seen.present)
    known = {
        lane.name: (pool, lane)
        for pool in seen.present
        for lane in directory(parts.environment, pool, workloads).lanes
    }
    if not known:
        raise OpsError(
            "drills/no-route",
            "a drill's client writes through a route, and there is none",
            hint="routes: {sessions: {to: sessions, vip: ...}}",
            exit=Exit.REFUSED,
        )
    if not route and len(known) == 1:
        return next(iter(known.values()))
    if route in known:
        return known[route]
    for pool, lane in known.values():
        if lane.service == route and lane.entry.role == "primary":
            return pool, lane
    if not route:
        raise SpecError(
            "drills/which-route", "there are several routes", hint=f"--route {' | '.join(known)}"
        )
    raise unknown("route", route, known)


def _plan(parts: Parts, seen: Survey, drill: Drill) -> Plan:
    lane = drill.lane
    step = Step(
        id=f"drill/{lane.name}",
        kind="drill",
        title=_title(seen, drill, parts.targets[drill.target]),
        target=drill.target,
        service=lane.service,
        impact=Impact.FAILOVER,
        verb=drill.fault.name,
        before="a client has been served for some seconds",
        after=drill.fault.undo,
    )
    settles = settle_steps((lane.service, drill.pool), seen.present, (step,))
    return Plan(
        environment=parts.environment.name,
        document=parts.environment.document,
        steps=(step, *settles),
        title=f"drill {drill.fault.name}",
        made_by=__version__,
        facts={one.id: step_digest(one) for one in (step, *settles)},
        unreachable=tuple(seen.observation.unreachable),
        asked=Impact.FAILOVER,
        reach="none",
    )


def _title(seen: Survey, drill: Drill, target: Target) -> str:
    """What would be struck as things stand. Raises what the fault refuses then."""
    struck, lane = drill.fault, drill.lane
    workload, pool = seen.present[lane.service][1], seen.present[drill.pool][1]
    check_operation(struck.operation, workload)
    title = f"{struck.words}" + (f" for {drill.seconds:g} s" if drill.seconds else "")
    if seen.observation.unreachable:
        return title  # refused for that
    standings = (seen.observation.standings_of(each) for each in (workload, pool))
    scene = scene_of(drill, target, workload, pool, *standings)
    if struck.kind != "operation":
        first = beforehand(struck, scene)
        if not first:
            nodes = ", ".join(one.node for one in strike(struck, scene, drill.id, drill.seconds))
            title += f" ({nodes})"
        else:
            title = f"{first} becomes primary; {title}"
    where = f", on {scene.client}" if scene.client else ""
    return f"{title}, while a client writes through {lane.name}{where}"
