"""One look at several targets: what each says counts for the services that are its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cli_world import Demo, WatchedTarget, World
from planning_world import workload

from opsctl.errors import OpsError
from opsctl.flow.looking import make_plan
from opsctl.flow.survey import survey
from opsctl.planning.desired import Scope
from opsctl.planning.observation import Observation, Problem
from opsctl.planning.resource import Resource
from opsctl.workload import Seat, Workload


@dataclass
class Remembering(WatchedTarget):
    """Its hosts have recorded seats."""

    seats: Mapping[str, tuple[Seat, ...]] = field(default_factory=dict)
    noted: float = 0.0

    def observe(self, resources: Sequence[Resource], workloads: Sequence[Workload]) -> Observation:
        seen = super().observe(resources, workloads)
        return replace(seen, seats=self.seats, noted=self.noted)


SPEC = """\
opsctl: 1
name: shop
targets:
  dc: {hosts: {n0: {}, n1: {}, n2: {}}}
  prod: {hosts: {p0: {}, p1: {}, p2: {}}}
services:
  demo: {engine: demo, on: dc, replicas: 3}
"""


def test_seats_on_a_target_that_a_service_left_are_not_where_it_is(tmp_path: Path) -> None:
    """Else its new members would pass for ones that stand already."""
    (tmp_path / "opsctl.yaml").write_text(SPEC)
    all_three = tuple(one.seat for one in workload(3).members())
    here = Remembering(seats={"demo": all_three[:1]})
    left = Remembering(name="prod", members=0, seats={"demo": all_three})
    parts = World(here, tmp_path).parts([tmp_path / "opsctl.yaml"])
    seen = survey(replace(parts, targets={"dc": here, "prod": left}))
    assert seen.observation.seats == {"demo": all_three[:1]}


def test_of_several_journals_the_newest_record_counts(tmp_path: Path) -> None:
    (tmp_path / "opsctl.yaml").write_text(SPEC)
    here, there = Remembering(noted=5.0), Remembering(name="prod", members=0, noted=7.0)
    parts = World(here, tmp_path).parts([tmp_path / "opsctl.yaml"])
    assert survey(replace(parts, targets={"dc": here, "prod": there})).observation.noted == 7.0


def test_who_follows_a_service_and_is_no_member_is_a_warning_and_blocks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = Demo.describe
    stranger = OpsError("demo/stranger", "n9 follows demo-0")

    def visited(*given: Any) -> Workload:
        return replace(described(*given), strangers=lambda _: (stranger,))

    monkeypatch.setattr(Demo, "describe", visited)
    (tmp_path / "opsctl.yaml").write_text(SPEC)
    here, far = WatchedTarget(), WatchedTarget(name="prod", members=0)
    parts = World(here, tmp_path).parts([tmp_path / "opsctl.yaml"])
    plan, seen = make_plan(replace(parts, targets={"dc": here, "prod": far}), Scope())
    assert seen.observation.problems == (Problem("dc", stranger, "warning"),)
    assert plan.blocked == ()
