"""Clients are led away from a member while it restarts, and back whatever happens."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
import running_world
from planning_world import member
from running_world import MemoryTarget, call, workload

from opsctl.errors import Exit, OpsError
from opsctl.ports import Asked, Fence
from opsctl.running.context import Context, Stop
from opsctl.running.traffic import led_away
from opsctl.workload import Act, Answer, Gate, Standings, Traffic, Workload

DRAINED = [f"drain {member(n)}" for n in range(3)]
BACK = [f"undrain {member(n)}" for n in range(3)]


def never(standings: Standings) -> str:
    return "it does not lead there yet"


def pool(name: str, *numbers: int, holds: Gate | None = None) -> Workload:
    """Balancers that are told by `drain` and `undrain`."""
    traffic = Traffic(
        tuple(Act(call("keep clients away", n, "drain")) for n in numbers),
        tuple(Act(call("let clients back", n, "undrain"), until=holds) for n in numbers),
    )
    return replace(workload(3), service=name, traffic=lambda service, of: traffic)


def context(target: MemoryTarget, *pools: Workload, stop: Stop | None = None) -> Context:
    workloads = {pool.service: ("dc", pool) for pool in pools}
    return replace(running_world.context(target, (), stop), workloads=workloads)


@dataclass
class FencedTarget(MemoryTarget):
    """Refuses what `fenced` says: somebody else came after."""

    fenced: str = ""

    def ask(
        self, asked: Sequence[Asked], fence: Fence | None = None
    ) -> Mapping[tuple[str, str], tuple[Answer, ...]]:
        if any(f"{item.query.argv[0]} {item.seat.member}" == self.fenced for item in asked):
            raise OpsError("hosts/fenced", "somebody else came after", exit=Exit.REFUSED)
        return super().ask(asked, fence)


def test_a_stop_asked_for_in_the_midst_lets_clients_back_at_every_balancer() -> None:
    target, stop = MemoryTarget(), Stop()
    edge = pool("edge", 0, 1, 2, holds=Gate("clients get there", never, timeout=5.0))
    with (
        pytest.raises(OpsError, match="stopped at a safe point"),
        led_away(context(target, edge, stop=stop), "demo", member(0)),
    ):
        stop.ask()
    assert target.log == [*DRAINED, *BACK]


def test_a_failure_in_the_block_waits_for_no_balancer() -> None:
    target = MemoryTarget()
    edge = pool("edge", 0, 1, 2, holds=Gate("clients get there", never, timeout=5.0))
    began = time.monotonic()
    with (
        pytest.raises(OpsError, match="it broke"),
        led_away(context(target, edge), "demo", member(0)),
    ):
        raise OpsError("test/broken", "it broke")
    assert target.log == [*DRAINED, *BACK]
    assert time.monotonic() - began < 1.0


def test_a_pool_that_can_not_be_drained_leaves_no_other_one_drained() -> None:
    target = FencedTarget(fenced=f"drain {member(1)}")
    edges = context(target, pool("edge", 0), pool("other", 1, 2))
    with pytest.raises(OpsError, match="somebody else"), led_away(edges, "demo", member(0)):
        raise AssertionError("the block must not begin")
    assert target.log == [f"drain {member(0)}", *BACK]


def test_a_balancer_that_does_not_let_clients_back_keeps_no_other_one_from_it() -> None:
    target = FencedTarget(fenced=f"undrain {member(0)}")
    with (
        pytest.raises(OpsError, match="somebody else"),
        led_away(context(target, pool("edge", 0, 1, 2)), "demo", member(0)),
    ):
        target.log.append("restart")
    assert target.log == [*DRAINED, "restart", *BACK[1:]]


def test_why_the_restart_failed_is_told_before_why_clients_could_not_be_let_back() -> None:
    target = FencedTarget(fenced=f"undrain {member(0)}")
    with (
        pytest.raises(OpsError, match="it broke"),
        led_away(context(target, pool("edge", 0, 1, 2)), "demo", member(0)),
    ):
        raise OpsError("test/broken", "it broke")
    assert target.log == [*DRAINED, *BACK[1:]]


def test_a_balancer_that_refuses_is_gone_on_without() -> None:
    target = MemoryTarget(fails={"drain", "undrain"})
    edge = pool("edge", 0, 1, 2, holds=Gate("clients get there", never, timeout=5.0))
    with led_away(context(target, edge), "demo", member(0)):
        target.log.append("restart")
    assert target.log == [*DRAINED, "restart", *BACK]
