"""What runs leave to those that come after them: their turn, revisions, what is unfinished."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_world import SPEC, DemoService, World, answering, make_world
from planning_world import node
from running_world import MemoryTarget

from opsctl.errors import Exit
from opsctl.flow.applying import next_revision, resolved, run_plan
from opsctl.flow.looking import make_plan
from opsctl.model import load
from opsctl.planning.desired import Scope
from opsctl.planning.observation import Node, Observation, Turn
from opsctl.ports import Record
from opsctl.running.context import Stop
from opsctl.targets.hosts.observing import turn
from opsctl.targets.kubernetes import locking

BUILT = {0: "new", 1: "new", 2: "new"}


@pytest.fixture(name="world")
def a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def others_work(world: World) -> None:
    """Somebody else's run, from its lock to its end."""
    world.target.token += 1
    world.target.records.append(Record("theirs", "end", 0.0, "ann", ended="done", revision=8))


def test_a_plan_made_before_somebody_else_had_a_turn_is_refused_and_nothing_is_touched(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, "yes", before=lambda: others_work(world))
    assert world.call("apply") == Exit.REFUSED
    error = capsys.readouterr().err
    assert "error[plan/stale]" in error
    assert "hint: make a new plan" in error
    assert world.target.log == ["acquire", "release"]
    assert [record.run for record in world.target.records] == ["theirs"]
    answering(monkeypatch, "yes")
    assert world.call("apply") == Exit.DONE


def test_a_plan_made_while_somebody_else_was_at_work_is_refused_too(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.working = "ann@ops (pid 7): apply"
    assert world.call("apply", "--yes") == Exit.LOCKED
    assert "ann@ops (pid 7): apply was at work while this plan was made" in capsys.readouterr().err
    assert world.target.log == ["acquire", "release"]


def test_an_upgrade_that_is_refused_leaves_the_lock_file_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    world.keep_versions = lambda key, _: kept.append(f"{key} after {world.target.log[-1]}")
    world.target.content = dict(BUILT)
    world.target.wanted, world.target.available = "newer", {"debian-13": {"redis": "7.4"}}
    answering(monkeypatch, "yes", before=lambda: others_work(world))
    assert world.call("upgrade", "demo") == Exit.REFUSED
    assert kept == []
    answering(monkeypatch, "yes")
    assert world.call("upgrade", "demo") == Exit.DONE
    assert kept == ["dc/debian-13 after acquire"]


def test_a_verb_decides_when_it_runs_and_bears_the_revision_of_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.target.content, world.target.revision = dict(BUILT), 7
    answering(monkeypatch, "yes", before=lambda: others_work(world))
    assert world.call("restart", "demo") == Exit.DONE
    mine = [record for record in world.target.records if record.run != "theirs"]
    assert {record.revision for record in mine} == {8}


def written(world: World, policy: str) -> None:
    """Another revision of the spec in the caller's folder."""
    (world.folder / "opsctl.yaml").write_text(SPEC.replace("10s", policy))


def applied(world: World, policy: str, *limit: str) -> None:
    """Another revision, brought about where `limit` lets it be."""
    written(world, policy)
    world.target.wanted = policy
    assert world.call("apply", "--yes", "--max-impact", "failover", *limit) == Exit.DONE


def breaks_off(world: World, policy: str) -> None:
    """Another revision, brought about on two members of three."""
    written(world, policy)
    world.target.wanted, world.target.fails = policy, {node(2)}
    assert world.call("apply", "--yes", "--max-impact", "failover") == Exit.PARTLY
    world.target.fails = set()


def rolled_back(world: World, capsys: pytest.CaptureFixture[str]) -> str:
    """Where a rollback would go to."""
    capsys.readouterr()
    assert world.call("rollback", "--dry-run", "--output", "json") == Exit.DONE
    return str(json.loads(capsys.readouterr().out)["title"])


@pytest.mark.parametrize(
    "verb",
    [
        ("switchover", "demo", "--to", "demo-1"),
        ("restart", "demo"),
        ("maintenance", "demo", "--for", "1h", "--reason", "kernel"),
    ],
)
def test_a_verb_makes_no_revision_of_the_file_that_its_caller_has(
    verb: tuple[str, ...], world: World
) -> None:
    assert world.call("apply", "--yes") == Exit.DONE
    before = dict(world.target.documents)
    assert list(before) == [1]
    written(world, "20s")
    assert world.call(*verb, "--yes") == Exit.DONE
    assert world.target.documents == before
    assert {record.revision for record in world.target.records} == {1}
    assert world.target.records[-1].ended == "done"


def test_a_rollback_after_a_verb_leaves_the_revision_that_broke(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    applied(world, "10s")
    applied(world, "20s")
    breaks_off(world, "30s")
    written(world, "20s")  # who is on call has not heard of the third
    assert world.call("failover", "demo", "--yes") == Exit.DONE
    assert rolled_back(world, capsys) == "rollback to revision 2"


def test_a_rollback_skips_what_was_applied_in_part(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    applied(world, "10s")
    applied(world, "20s", "--limit", "demo/demo-0")
    applied(world, "30s")
    assert list(world.target.documents) == [1, 2, 3]
    assert rolled_back(world, capsys) == "rollback to revision 1"


def test_a_rollback_goes_back_from_the_newest_revision_though_no_look_brings_its_spec(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for policy in ("10s", "20s", "30s"):
        applied(world, policy)
    world.target.kept = {3: world.target.documents.pop(3)}
    assert rolled_back(world, capsys) == "rollback to revision 2"


def unfinished(world: World, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `status` tells of it, for programs."""
    capsys.readouterr()
    world.call("status", "--output", "json")
    return json.loads(capsys.readouterr().out)["unfinished"]


def broken(world: World) -> None:
    """The first revision everywhere, the second not."""
    applied(world, "10s")
    breaks_off(world, "20s")


def test_an_apply_of_a_part_that_is_done_already_leaves_the_unfinished_one_as_it_is(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(world)
    before = unfinished(world, capsys)
    assert before["revision"] == 2
    assert world.call("apply", "--yes", "--limit", "demo/demo-1") == Exit.DONE
    assert "nothing to change" in capsys.readouterr().out
    assert unfinished(world, capsys) == before


def test_after_a_verb_the_unfinished_apply_is_still_told_of_and_resumed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(world)
    assert world.call("restart", "demo/demo-1", "--yes") == Exit.DONE
    assert unfinished(world, capsys)["revision"] == 2
    assert world.call("apply", "--resume", "--yes", "--max-impact", "failover") == Exit.DONE
    assert world.target.content == {0: "20s", 1: "20s", 2: "20s"}
    assert unfinished(world, capsys) is None


def test_an_apply_that_finds_nothing_left_to_do_ends_what_was_unfinished(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(world)
    world.target.content = {0: "20s", 1: "20s", 2: "20s"}
    assert world.call("apply", "--yes") == Exit.DONE
    assert capsys.readouterr().out.endswith("shop: nothing to change.\n")
    assert unfinished(world, capsys) is None
    assert list(world.target.documents) == [1, 2]


@pytest.mark.parametrize(("verb", "policy"), [("apply", "10s"), ("rollback", "20s")])
def test_going_back_ends_it_too_as_a_revision_of_its_own_though_nothing_is_left_to_do(
    verb: str, policy: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the spec from before, or from the spec that broke."""
    broken(world)
    world.target.content, world.target.wanted = {0: "10s", 1: "10s", 2: "10s"}, "10s"
    written(world, policy)
    assert world.call(verb, "--yes") == Exit.DONE
    assert unfinished(world, capsys) is None
    assert world.target.documents[3] == world.target.documents[1]


def test_an_apply_leaves_a_removal_that_broke_off_unfinished(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = {**BUILT, 3: "left"}
    documents = {1: load([world.folder / "opsctl.yaml"], engines={"demo": DemoService}).document}
    world.target.documents, world.target.revision = documents, 1
    began = Record("r1", "begin", 0.0, "ann", "apply", revision=1, steps=("remove/demo-3",))
    world.target.records = [began]
    assert world.call("apply", "--yes") == Exit.DONE
    assert unfinished(world, capsys) is not None
    del world.target.content[3]
    assert world.call("apply", "--yes") == Exit.DONE
    assert unfinished(world, capsys) is None


def test_all_targets_are_told_when_something_unfinished_ends(world: World) -> None:
    broken(world)
    parts = world.parts([world.folder / "opsctl.yaml"])
    plan, seen = make_plan(parts, Scope())
    far = MemoryTarget("far")
    parts = replace(parts, targets={**parts.targets, "far": far})
    assert run_plan(parts, plan, seen, lambda event: None, Stop()).error is None
    assert [(record.kind, record.ended) for record in far.records][-1] == ("end", "done")


def test_runs_at_once_at_different_targets_never_share_a_revision(world: World) -> None:
    parts = world.parts([world.folder / "opsctl.yaml"])
    plan, seen = make_plan(parts, Scope())
    parts = replace(parts, targets={**parts.targets, "far": MemoryTarget("far")})
    stop = Stop()
    stop.ask()  # each begins, and that is enough

    def began(*names: str) -> int:
        steps = tuple(replace(plan.steps[0], target=name) for name in names)
        run_plan(parts, replace(plan, steps=steps), seen, lambda event: None, stop)
        (revision,) = {parts.targets[name].history(1)[-1].revision for name in names}
        return revision

    assert began("dc") != began("far")  # planned by one look, as of two who work side by side


def test_revisions_are_numbered_one_by_one_but_for_runs_that_hold_some_of_several_targets() -> None:
    assert [next_revision(newest, ["dc"], {"dc"}) for newest in range(3)] == [1, 2, 3]
    targets = ["cloud", "dc", "far"]
    assert [next_revision(newest, targets, {*targets}) for newest in range(3)] == [1, 2, 3]
    made = {name: {next_revision(n, targets, {name}) for n in range(30)} for name in targets}
    assert not made["cloud"] & made["dc"]
    assert not made["far"] & (made["cloud"] | made["dc"])
    for name in targets:
        assert all(n < next_revision(n, targets, {name}) <= n + 3 for n in range(30))


def installed(number: int, **packages: str) -> Node:
    return Node(node(number), "debian-13", packages=packages)


def test_versions_that_all_nodes_agree_on_are_kept_and_those_that_nobody_has_are_not() -> None:
    nodes = [installed(0, redis="7.2", haproxy=""), installed(1, redis="7.2"), installed(2)]
    assert resolved(nodes, {}) == {"dc/debian-13": {"redis": "7.2"}}
    assert resolved([installed(0, redis="")], {}) == {}


@pytest.mark.parametrize("locked", [True, False])
def test_versions_are_looked_for_after_an_apply_unless_all_are_locked(
    locked: bool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    observe = world.target.observe

    def seen(*given: Any) -> Observation:
        looks.append(len(world.target.log))
        return replace(observe(*given), nodes={node(0): installed(0, server="8.0")})

    monkeypatch.setattr(world.target, "observe", seen)
    if locked:
        world.versions = {"dc/debian-13": {"server": "8.0"}}
    assert world.call("apply", "--yes") == Exit.DONE
    assert looks[0] == 0
    assert len(looks) == (1 if locked else 2)


def test_where_nodes_differ_the_version_stays_that_the_lock_file_has_or_none() -> None:
    nodes = [installed(0, redis="7.4", tools="1"), installed(1, redis="7.2", tools="1")]
    assert resolved(nodes, {}) == {"dc/debian-13": {"tools": "1"}}
    assert resolved(nodes, {"dc/debian-13": {"redis": "7.2", "tools": "1"}}) == {}
    # An upgrade that broke off before its first host: an apply of something else lowers nothing.
    assert resolved([installed(0, redis="7.2")], {"dc/debian-13": {"redis": "7.4"}}) == {}


def head(token: int, highest: int) -> dict[str, Any]:
    said = {"token": token, "highest": highest, "now": 5.0}
    return {"lock": {**said, "holder": "ann", "since": 1.0, "expires": 9.0} if token else said}


def test_a_host_that_missed_the_release_does_not_make_the_lock_held() -> None:
    assert turn([head(0, 0)]) == Turn(0)
    assert turn([head(7, 7), head(7, 7), head(0, 3)]) == Turn(7, "ann")
    assert turn([head(7, 7), head(0, 7), head(0, 7)]) == Turn(7)
    assert turn([head(7, 7), head(0, 7)]) == Turn(7, "ann")  # who can tell


def test_a_change_that_goes_on_on_one_host_is_its_holder_s_turn() -> None:
    busy = head(7, 7)
    busy["lock"]["changing"] = True
    assert turn([busy, head(0, 7), head(0, 7)]) == Turn(7, "ann")


def test_a_lease_tells_its_token_whoever_has_it() -> None:
    spec = {"holderIdentity": "ann", "renewTime": "2026-11-21T07:31:00.0Z"}
    lease = {
        "metadata": {"annotations": {locking.TOKEN: "4"}},
        "spec": {**spec, "leaseDurationSeconds": 60},
    }
    then = 1795246260.0
    assert locking.turn(lease, then + 59) == Turn(4, "ann")
    assert locking.turn(lease, then + 61) == Turn(4)
    assert locking.turn(None, then) == Turn(0)
