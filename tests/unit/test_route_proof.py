"""A service that is changed proves itself through the routes that lead to it, last of all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from planning_world import member
from running_world import MemoryTarget, call, unit, workload

from opsctl.planning.build import build
from opsctl.planning.desired import Desired, Scope
from opsctl.planning.observation import Observation
from opsctl.planning.plan import Plan, Step
from opsctl.ports import Fence
from opsctl.running.context import Context, Stop
from opsctl.running.journal import Journal
from opsctl.running.runner import Report, run
from opsctl.workload import Act, Entry, Lane, Lead, Standings, Timing, Workload
from routes_world import SHARED, described, environment


class Way:
    """A route to `demo` whose proof fails at first, because its address has just moved."""

    def __init__(self, fails: int = 0, full: str = "", address: str = "10.0.0.9") -> None:
        self.asked: list[str] = []
        self.fails, self.full, self.address = fails, full, address

    def pool(self) -> Workload:
        entry = Entry("primary", "demo", 1, (), Timing(1, 1, 1, 1, 1), prove=self.prove)
        lane = Lane("way", "demo", entry, 6379, self.address)
        lead = Lead(lane, ("edge-0",), (member(0),), full=self.full)
        return replace(workload(2), service="edge", leads=lambda standings: (lead,))

    def prove(self, standings: Standings, host: str, port: int) -> tuple[Act, ...]:
        self.asked.append(f"{host} {port}")
        verb = "refuse" if len(self.asked) <= self.fails else "through"
        return (Act(call(f"go {verb}", 1, verb)),)


def settle(target: MemoryTarget, way: Way) -> Report:
    step = Step("settle/edge", "settle", "prove", "dc", "edge")
    context = Context(
        plan=Plan("test", {}, (step,)),
        workloads={"demo": ("dc", workload(3)), "edge": ("dc", way.pool())},
        resources={unit(n).id: unit(n) for n in range(3)},
        targets={"dc": target},
        fences={"dc": Fence(1, "me")},
        objects={},
        events=lambda event: None,
        stop=Stop(),
        monotonic=time.monotonic,
    )
    journal = Journal("r1", "me", {"dc": target}, {"dc": Fence(1, "me")}, 1, lambda record: None)
    return run(context, journal)


def test_the_service_behind_a_route_proves_it_beside_a_member_of_its_own() -> None:
    target, way = MemoryTarget(), Way()
    assert settle(target, way).error is None
    assert way.asked == ["10.0.0.9 6379"]
    assert target.log == [f"prove {member(0)}", f"through {member(1)}"]


def test_without_a_floating_address_each_balancer_is_tried() -> None:
    way = Way(address="")
    assert settle(MemoryTarget(), way).error is None
    assert way.asked == ["n0 6379", "n1 6379"]


def test_an_address_that_has_just_moved_is_tried_again() -> None:
    way = Way(fails=1)
    assert settle(MemoryTarget(fails={"refuse"}), way).error is None
    assert len(way.asked) == 2


def test_a_route_that_does_not_serve_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsctl.running.proving._PATIENCE", 0.1)
    report = settle(MemoryTarget(fails={"refuse"}), Way(fails=99))
    assert report.error is not None
    assert report.error.code == "run/refused"
    assert "could not go refuse" in report.error.message


def test_a_route_without_room_is_not_tried() -> None:
    way = Way(full="2 connections")
    assert settle(MemoryTarget(), way).error is None
    assert way.asked == []


def settles(scope: Scope, *changed: str) -> Iterator[str]:
    workloads = described(environment(SHARED))
    resources = tuple(replace(unit(0), service=name) for name in changed)
    desired = Desired("shop", {}, {n: ("dc", w) for n, w in workloads.items()}, resources)
    plan = build(desired, Observation(), scope)
    return (step.service for step in plan.steps if step.kind == "settle")


def test_balancers_settle_behind_what_they_lead_to_and_whenever_it_changes() -> None:
    assert list(settles(Scope(), "edge", "sessions")) == ["sessions", "edge"]
    assert list(settles(Scope(), "sessions")) == ["sessions", "edge"]
    assert list(settles(Scope(), "edge")) == ["edge"]
    assert list(settles(Scope(limit=("sessions",)), "sessions")) == ["sessions"]
