"""The machine that opsctl runs on has no room: what is done on targets ends as it should."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_world import World, make_world, wire
from planning_world import member, node
from running_world import MemoryTarget

from opsctl.errors import CONTROL_MACHINE, Exit, OpsError
from opsctl.planning.observation import Node
from opsctl.ports import Fence, Record, Work
from opsctl.running.context import Stop
from opsctl.running.lease import leased
from opsctl.targets.hosts import applying
from opsctl.wiring.spec import _copier

ROLLING = ("apply", "--yes", "--max-impact", "failover")


@pytest.fixture(name="world")
def a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def full(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/there")


def test_a_copy_of_the_journal_for_which_there_is_no_room_is_told_once_and_ends_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.copy_record = full
    assert world.call("apply", "--yes") == Exit.DONE
    assert world.target.records[-1].ended == "done"
    said = "no copy of the journal is kept on this machine: [Errno 28] No space left on device"
    assert capsys.readouterr().err.count(said) == 1


def test_a_state_folder_that_can_not_be_made_is_such_a_copy(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "taken"))
    world.copy_record = _copier("shop")
    with pytest.raises(OSError, match="Not a directory"):
        world.copy_record(Record("r", "end", 0.0, "me"))
    assert world.call("apply", "--yes") == Exit.DONE


def test_a_full_disk_in_the_midst_of_a_run_ends_it_as_any_failure_does(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = {0: "old", 1: "old", 2: "old"}
    plain = world.target.apply
    monkeypatch.setattr(
        world.target,
        "apply",
        lambda work, *more: full() if work[0].where == node(2) else plain(work, *more),
    )
    assert world.call(*ROLLING) == Exit.PARTLY
    out, err = capsys.readouterr()
    assert "stopped, 1 of 4 steps done" in out
    assert f"error[{CONTROL_MACHINE}] /tmp/there\n" in err
    assert "No space left on device" in err
    assert "apply --resume" in err
    assert "No space left" in world.target.records[-1].ended
    assert world.target.log[-1] == "release"


def test_a_full_disk_in_a_handover_leaves_nothing_paused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.target.content = {0: "old", 1: "new", 2: "new"}
    plain = world.target.ask

    def ask(asked: Any, fence: Any = None) -> Any:
        return full() if asked[0].query.argv[0] == "promote" else plain(asked, fence)

    monkeypatch.setattr(world.target, "ask", ask)
    world.call(*ROLLING)
    assert world.target.log[-3:] == [f"pause {member(0)}", f"unpause {member(0)}", "release"]


def test_versions_that_can_not_be_written_take_nothing_back_of_what_was_done(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unwritable(target: str, versions: Mapping[str, str]) -> None:
        raise OpsError("lockfile/unwritable", "can't be written: no room", where="opsctl.lock")

    installed = Node("dc/n0", "debian-13", {}, packages={"server": "8.0"})
    observe = world.target.observe
    monkeypatch.setattr(
        world.target,
        "observe",
        lambda *given: replace(observe(*given), nodes={"dc/n0": installed}),
    )
    world.keep_versions = unwritable
    assert world.call("apply", "--yes") == Exit.PARTLY
    assert "but opsctl.lock can't be written: no room" in capsys.readouterr().out


def test_a_command_that_only_reads_names_the_full_disk_and_is_no_mistake_of_opsctl(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wire(monkeypatch, parts=full)
    assert world.call("plan") == Exit.FAILED
    err = capsys.readouterr().err
    assert err.startswith(f"error[{CONTROL_MACHINE}] /tmp/there\n")
    assert "opsctl/bug" not in err


def test_a_lock_that_this_machine_can_not_renew_stops_the_run_before_it_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target, stop = MemoryTarget(), Stop()
    monkeypatch.setattr(target, "renew", full)
    monkeypatch.setattr(target, "release", full)
    with leased({"dc": target}, "me", stop, 0.6):
        assert stop.wait(5)
    assert stop.error is not None
    assert stop.error.code == CONTROL_MACHINE


@pytest.mark.parametrize("told", [(), ("n0",)])
def test_a_full_disk_under_ansible_keeps_what_hosts_have_told(
    told: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def serving(batches: Any, took: Any) -> Any:
        for host in told:
            took(host, {"changed": [], "error": None})
        yield Path("socket")

    monkeypatch.setattr(applying, "serving", serving)
    one = applying.Applying(SimpleNamespace(target="dc"), None, {})  # type: ignore[arg-type]
    monkeypatch.setattr(one, "_batch", lambda *_: {})
    monkeypatch.setattr(one, "_ansible", full)
    work = (Work("dc/n0"), Work("dc/n1"))
    if not told:
        with pytest.raises(OSError, match="No space left"):
            one.run(work, Fence(1, "me"), lambda event: None)
        return
    outcomes = one.run(work, Fence(1, "me"), lambda event: None)
    assert outcomes["dc/n0"].error is None
    failed = outcomes["dc/n1"].error
    assert failed is not None
    assert failed.code == CONTROL_MACHINE
