"""What runs leave to those that come after them: their turn, revisions, what is unfinished."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import World, answering, make_world

from opsctl.errors import Exit
from opsctl.planning.observation import Turn
from opsctl.ports import Record
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


def head(token: int, highest: int) -> dict[str, object]:
    said = {"token": token, "highest": highest, "now": 5.0}
    return {"lock": {**said, "holder": "ann", "since": 1.0, "expires": 9.0} if token else said}


def test_a_host_that_missed_the_release_does_not_make_the_lock_held() -> None:
    assert turn([head(0, 0)]) == Turn(0)
    assert turn([head(7, 7), head(7, 7), head(0, 3)]) == Turn(7, "ann")
    assert turn([head(7, 7), head(0, 7), head(0, 7)]) == Turn(7)
    assert turn([head(7, 7), head(0, 7)]) == Turn(7, "ann")  # who can tell


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
