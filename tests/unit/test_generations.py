"""A checkout without the lock file of the last rotation is noticed before it changes a password."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_world import World, make_world
from running_world import workload as plain_workload

from opsctl.errors import Exit
from opsctl.flow.generations import newest, refused
from opsctl.planning.observation import Observation
from opsctl.targets.hosts.observing import generations
from opsctl.workload import Endpoint, SecretRef, Workload


def workload(members: int = 3) -> Workload:
    made = plain_workload(members)
    secrets = (SecretRef("demo/web"), SecretRef("demo/admin"), SecretRef("job", given=True))
    ends = (Endpoint("demo-0", "server", "client", "web", ref, "demo") for ref in secrets)
    return replace(made, endpoints=tuple(ends))


def test_older_generations_than_those_in_use_are_refused_with_what_to_write() -> None:
    used = {"demo/web": 3, "demo/admin": 1, "gone/secret": 9, "job": 2}
    (said,) = refused({"demo/web": 2}, used, [workload()], "opsctl.lock")
    assert said.startswith("[secrets/generation] opsctl.lock: ")
    assert "demo/web is at 3, not 2" in said
    assert "generations: in it: demo/web: 3)" in said
    assert list(refused({"demo/web": 3}, used, [workload()], "opsctl.lock")) == []
    assert list(refused({"demo/web": 4}, used, [workload()], "opsctl.lock")) == []


def test_the_greater_number_counts_wherever_it_was_seen() -> None:
    assert newest({"a": 2}, {"a": 1, "b": 3}, {}) == {"a": 2, "b": 3}
    begin = {"run": "r1", "kind": "begin", "at": 1.0, "who": "me"}
    looks = [
        {"journal": {"records": [{**begin, "details": {"generation a": "2", "other": "x"}}]}},
        {"journal": {"records": [{**begin, "details": {"generation a": "1"}}, begin]}},
    ]
    assert generations(looks) == {"a": 2}


def test_a_plan_says_so_and_no_apply_passes_and_what_is_in_use_is_noted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world: World = make_world(tmp_path, monkeypatch)
    monkeypatch.setattr("cli_world.workload", workload)
    seen: Any = world.target.observe

    def observe(*given: Any) -> Observation:
        return replace(seen(*given), generations={"demo/web": 2})

    monkeypatch.setattr(world.target, "observe", observe)
    assert world.call("plan") == Exit.REFUSED
    assert "secrets/generation" in capsys.readouterr().out
    assert world.call("apply", "--yes") == Exit.REFUSED
    assert "secrets/generation" in capsys.readouterr().err
    assert world.target.log == []
    # At night a failover is more urgent, and must not make the number forgotten.
    world.target.content = {0: "new", 1: "new", 2: "new"}
    assert world.call("switchover", "demo", "--to", "demo-0", "--yes") == Exit.DONE
    assert world.target.records[0].details == {"generation demo/web": "2"}
