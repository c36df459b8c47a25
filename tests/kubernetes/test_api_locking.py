"""The lock, the journal, revisions and maintenance in a namespace of a real API server."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from api_server import ApiServer
from api_world import World

from opsctl.errors import Exit, OpsError
from opsctl.ports import Fence, Record, Upkeep, Work
from opsctl.targets.kubernetes import wire
from opsctl.targets.kubernetes.journals import Journals

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]


@pytest.fixture
def world(api_server: ApiServer, namespace: str, tmp_path: Path) -> World:
    return World(api_server, namespace, tmp_path)


def test_a_lock_that_is_held_names_its_holder(world: World) -> None:
    fence = world.target.acquire("ann@laptop: apply", 60)
    with pytest.raises(OpsError) as refused:
        world.target.acquire("bob@ci: apply", 60)
    assert refused.value.exit is Exit.LOCKED
    assert "ann@laptop: apply holds it" in refused.value.message
    _, seen = world.plan()
    assert seen.observation.holder is not None
    assert seen.observation.holder.holder == "ann@laptop: apply"
    world.target.release(fence)
    assert world.plan()[1].observation.holder is None
    assert world.target.acquire("bob@ci: apply", 60).token == fence.token + 1


def test_a_lock_that_ran_out_is_free_and_its_old_holder_is_fenced(world: World) -> None:
    old = world.target.acquire("ann", 1)
    end = time.monotonic() + 30
    while True:
        try:
            new = world.target.acquire("bob", 60)
            break
        except OpsError:
            assert time.monotonic() < end
            time.sleep(0.2)
    assert new.token == old.token + 1
    with pytest.raises(OpsError) as lost:
        world.target.renew(old, 60)
    assert lost.value.code == "lock/lost"
    with pytest.raises(OpsError) as fenced:
        world.target.record([Record("r1", "note", 1.0, "ann")], old)
    assert fenced.value.code == "kubernetes/fenced"
    outcome = world.target.apply([Work(f"k/{world.namespace}")], old, lambda _: None)
    error = outcome[f"k/{world.namespace}"].error
    assert error is not None
    assert error.code == "kubernetes/fenced"


def test_a_renewed_lock_keeps_its_token_and_its_beginning(world: World) -> None:
    target = world.target
    fence = target.acquire("ann", 30)
    before = world.plan()[1].observation.holder
    target.renew(fence, 90)
    after = world.plan()[1].observation.holder
    assert before is not None
    assert after is not None
    assert after.token == before.token
    assert after.since == pytest.approx(before.since, abs=1)
    assert after.expires > before.expires


def test_a_broken_lock_tells_who_had_it(world: World) -> None:
    world.target.acquire("ann", 60)
    held = world.target.break_lock("she left", "bob")
    assert held is not None
    assert held.holder == "ann"
    assert world.target.break_lock("again", "bob") is None


def test_the_journal_is_read_back_and_an_unfinished_run_is_seen(world: World) -> None:
    target = world.target
    fence = target.acquire("ann", 60)
    begin = Record(
        "20260101T000000-ab12", "begin", 100.0, "ann", "apply", revision=3, steps=("a/1", "b/2"),
        details={"generation sessions/admin": "2"},
    )  # fmt: skip
    step = Record(begin.run, "step", 101.0, "ann", "build", step="a/1", ended="done", revision=3)
    target.record([begin], fence, {"name": "shop"})
    target.record([step], fence)
    assert target.history(10) == (begin, step)
    assert target.document(3) == {"name": "shop"}
    assert target.document(2) is None
    _, seen = world.plan()
    unfinished = seen.observation.unfinished
    assert unfinished is not None
    assert (unfinished.done, unfinished.open) == (("a/1",), ("b/2",))
    assert seen.observation.revision == 3
    assert seen.observation.generations == {"sessions/admin": 2}
    target.record([Record(begin.run, "end", 102.0, "ann", ended="done", revision=3)], fence)
    assert world.plan()[1].observation.unfinished is None


def test_the_same_record_twice_is_kept_once(world: World) -> None:
    target = world.target
    fence = target.acquire("ann", 60)
    note = Record("r1", "note", 5.0, "ann", "hello")
    target.record([note], fence)
    target.record([note], fence)
    assert target.history(10) == (note,)


def test_the_journal_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "RUNS_KEPT", 3)
    journals = Journals(world.api, world.target._site)
    for number in range(6):
        journals.append([Record(f"r{number}", "begin", float(number), "ann")], None)
    assert [record.run for record in journals.history(99)] == ["r3", "r4", "r5"]


def test_a_large_spec_is_kept_packed(world: World) -> None:
    target = world.target
    fence = target.acquire("ann", 60)
    document = {"services": {f"service-{n}": {"engine": "redis"} for n in range(40_000)}}
    target.record([Record("r1", "begin", 1.0, "ann", revision=1)], fence, document)
    assert target.document(1) == document


def test_a_maintenance_is_noted_and_ends_by_the_clusters_clock(world: World) -> None:
    target = world.target
    fence = target.acquire("ann", 60)
    assert target.maintain(Upkeep("sessions", 600, "ann", "kernel"), fence) == {}
    held = target.maintenance()["sessions"]
    assert (held.who, held.reason) == ("ann", "kernel")
    assert 590 < held.until - held.since <= 601
    assert world.plan()[1].observation.maintenance["sessions"].who == "ann"
    target.maintain(Upkeep("sessions", 0, "ann"), fence)
    assert target.maintenance() == {}


def test_the_servers_clock_is_told(world: World) -> None:
    ((ahead, sure),) = world.target.clocks().values()
    assert abs(ahead) < 5
    assert 0 < sure < 5


def test_nothing_is_released_that_another_holds(world: World) -> None:
    fence = world.target.acquire("ann", 60)
    world.target.release(Fence(fence.token - 1, "old"))
    holder = replace(world).plan()[1].observation.holder
    assert holder is not None
    assert holder.holder == "ann"
