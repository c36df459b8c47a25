"""A failover is for members that are down, so nothing in it waits for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cli_world import World, make_world

from opsctl.flow.operating import failover_plan, switchover_plan
from opsctl.flow.reach import within_reach


@pytest.fixture(name="world")
def a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = make_world(tmp_path, monkeypatch)
    world.target.content = {0: "new", 1: "new", 2: "new"}
    return world


def test_the_end_of_a_failover_does_not_wait_for_who_was_down(world: World) -> None:
    del world.target.content[2]  # so it does not answer
    parts = world.parts((Path("opsctl.yaml"),))
    plan, seen = failover_plan(parts, "demo")
    settle = plan.steps[-1]
    assert settle.members == ("demo-0", "demo-1")
    assert "without demo-2" in settle.title
    assert settle.after == ""  # the gate's words are of everybody
    _, workload = within_reach(parts, seen, plan)["demo"]
    assert [member.name for member in workload.members()] == ["demo-0", "demo-1"]


def test_who_is_a_stray_is_told_with_everybody_in_mind(world: World) -> None:
    """A member that is out of reach is none, so whoever judges must know of it."""
    del world.target.content[2]
    parts = world.parts((Path("opsctl.yaml"),))
    plan, seen = failover_plan(parts, "demo")
    target, demo = seen.present["demo"]
    everybody = replace(demo, strays=lambda standings: f"counted by {len(standings)}")
    seen = replace(seen, present={"demo": (target, everybody)})
    _, workload = within_reach(parts, seen, plan)["demo"]
    assert len(list(workload.members())) == 2
    assert workload.strays({}) == "counted by 0"


def test_a_failover_where_all_are_up_waits_for_all(world: World) -> None:
    parts = world.parts((Path("opsctl.yaml"),))
    plan, seen = failover_plan(parts, "demo")
    assert plan.steps[-1].members == ()
    assert len(list(within_reach(parts, seen, plan)["demo"][1].members())) == 3


def test_a_switchover_waits_for_all_even_when_one_is_down(world: World) -> None:
    del world.target.content[2]
    plan, _ = switchover_plan(world.parts((Path("opsctl.yaml"),)), "demo", "demo-1")
    assert plan.steps[-1].members == ()
