"""What a drill is refused for before anything is locked, on a target in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from running_world import MemoryTarget

from opsctl.data import renderer
from opsctl.discovery import engines
from opsctl.errors import Exit, OpsError
from opsctl.flow.consent import not_held_since
from opsctl.flow.drilling import drill_plan
from opsctl.flow.parts import Parts
from opsctl.planning.observation import Maintenance, Observation
from opsctl.planning.plan import Plan
from opsctl.planning.resource import Resource
from opsctl.workload import Seat, Standing, Workload
from routes_world import described, environment

SPEC = environment({"sessions": {"to": "sessions", "vip": "10.77.0.99"}}, drills="allowed")
HELD = Maintenance("sessions", 1_795_258_692.0, 1.0, "bob", "new disks")


@dataclass
class Site(MemoryTarget):
    """Three members, of which the first is primary, and two balancers."""

    def seat(
        self, services: Mapping[str, Any], recorded: Mapping[str, Sequence[Seat]]
    ) -> Mapping[str, tuple[Seat, ...]]:
        there = described(SPEC)
        return {name: tuple(one.seat for one in there[name].members()) for name in services}

    def realise(self, workloads: Sequence[Workload], services: Mapping[str, Any]) -> Any:
        return ()

    def observe(self, resources: Sequence[Resource], workloads: Sequence[Workload]) -> Observation:
        roles = ("primary", "replica", "replica")
        standings = {
            (f"sessions-{n}", "redis"): Standing(role, ready=True)  # type: ignore[arg-type]
            for n, role in enumerate(roles)
        }
        return Observation(standings=standings, maintenance=self.held)


def plan(target: Site, fault: str = "pause", **given: Any) -> Plan:
    parts = Parts(
        environment=SPEC,
        engines=engines(),
        targets={"dc": target},
        secrets=SimpleNamespace(key=b"k", value=lambda ref: "v"),  # type: ignore[arg-type]
        render=lambda engine: renderer(engine.templates),
        who="tester",
        copy_record=lambda record: None,
        with_document=lambda document: parts,
        with_versions=lambda versions: parts,
        keep_versions=lambda target, versions: None,
    )
    return drill_plan(parts, fault, "sessions", **given)[0]


def refusal(target: Site, **given: Any) -> OpsError:
    with pytest.raises(OpsError) as caught:
        plan(target, **given)
    return caught.value


def test_a_drill_says_whom_it_strikes() -> None:
    (step, *_) = plan(Site(), seconds=5.0, client="n2").steps
    assert step.title.endswith("for 5 s (n1), while a client writes through sessions, on n2")


def test_a_fault_of_days_is_refused() -> None:
    error = refusal(Site(), seconds=2 * 86_400.0)
    assert (error.code, error.exit) == ("drills/too-long", Exit.INPUT)
    assert error.hint == "--for 10m, or less"


def test_a_client_runs_on_a_host_that_is_there() -> None:
    error = refusal(Site(), client="n9")
    assert (error.code, error.exit) == ("drills/no-node", Exit.INPUT)
    assert error.hint == "--from one of n1, n2, n3"


@pytest.mark.parametrize("service", ["sessions", "edge"])
def test_what_is_in_maintenance_is_not_struck(service: str) -> None:
    error = refusal(Site(held={service: replace(HELD, service=service)}))
    assert (error.code, error.exit) == ("drills/maintenance", Exit.REFUSED)
    assert "in maintenance until 2026-11-21 10:58:12 UTC (bob: new disks)" in error.message
    assert f"opsctl maintenance {service} --end" in error.hint


def test_a_maintenance_that_began_while_the_plan_was_read_stops_it() -> None:
    made = plan(Site())
    with pytest.raises(OpsError) as caught:
        not_held_since(made, [Site(held={"sessions": HELD})])
    assert caught.value.code == "run/maintenance"
    assert "--during-maintenance" not in caught.value.hint
