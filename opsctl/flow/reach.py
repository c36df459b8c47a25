"""With whom a run goes on: the workloads without members that can't be reached or are gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from opsctl.flow.describing import describe, known_to
from opsctl.flow.parts import Parts
from opsctl.flow.survey import Survey
from opsctl.planning.plan import Plan
from opsctl.planning.workloads import Workloads, alone
from opsctl.ports import Target
from opsctl.workload import Seat, Workload


def within_reach(parts: Parts, seen: Survey, plan: Plan) -> Workloads:
    """The workloads less the members that the plan goes on without: those on places that can't be
    seen, and those that a settle step does not name. Its gates can't wait for them. What is written
    into servers, and who is a stray, still counts everybody. Who collects metrics waits for nobody
    out of reach."""
    named = {step.service: step.members for step in plan.steps if step.kind == "settle"}
    found = {}
    for name, (target, workload) in seen.present.items():
        seats = tuple(
            member.seat
            for member in workload.members()
            if f"{target}/{member.seat.node}" not in seen.observation.unreachable
            and member.name in (named.get(name) or (member.name,))
        )
        if seats and len(seats) < len(tuple(workload.members())):
            workload = replace(
                _with_seats(parts, name, seats, seen.present),
                objects=workload.objects,
                strays=workload.strays,
                strangers=workload.strangers,
            )
        found[name] = (target, workload)
    if all(found[name][1] is workload for name, (_, workload) in seen.present.items()):
        return found
    for name, (target, workload) in found.items():
        if parts.environment.services[name].collects:
            seats = tuple(member.seat for member in workload.members())
            again = _with_seats(parts, name, seats, found)
            found[name] = (target, replace(again, objects=workload.objects))
    return found


def placed_now(
    parts: Parts, seen: Survey, target: Target, workload: Workload, gone: Collection[str]
) -> Workload:
    """The same without those that are `gone`, and with a member on each node, where one that was of
    no node stood for all of them."""
    before = tuple(member.seat for member in workload.members())
    seats = tuple(seat for seat in before if seat.member not in gone)
    if any(seat.near_clients and not seat.node for seat in seats):
        seats = target.located(seats)
    if seats == before:
        return workload
    return _with_seats(parts, workload.service, seats, seen.present)


def _with_seats(parts: Parts, name: str, seats: Sequence[Seat], beside: Workloads) -> Workload:
    """The service as it is described with members on these seats alone."""
    return describe(parts, name, seats, known_to(parts, name, seats, alone(beside)))
