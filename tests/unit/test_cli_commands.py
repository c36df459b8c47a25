"""The commands against an environment in memory: exit codes, consent, a clean standard output."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_world import Demo, DemoService, WatchedTarget, World, answering, make_world, wire
from planning_world import member, node
from running_world import workload

from opsctl.errors import Exit, OpsError
from opsctl.model import load
from opsctl.planning.observation import Holder, Problem, Unfinished
from opsctl.ports import Fence, Record
from opsctl.workload import Backups, Query, Shelf

BUILT = {0: "new", 1: "new", 2: "new"}
AWAY = OpsError("ssh/timeout", "no answer", where="host n2", hint="ping it")


@pytest.fixture(name="world")
def a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def test_plan_shows_what_would_change_and_the_next_command(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("plan") == Exit.DONE
    out = capsys.readouterr().out
    assert out.startswith("shop: apply\n")
    assert out.endswith("3 to create; costs: nothing.\nnext: opsctl apply\n")
    assert world.target.log == []


def test_plan_says_the_exit_code_only_when_asked(world: World) -> None:
    assert world.call("plan", "--exit-code") == Exit.DIFFERS
    world.target.content = dict(BUILT)
    assert world.call("plan", "--exit-code") == Exit.DONE


def test_drift_ends_with_3_when_something_differs(world: World) -> None:
    world.target.content = {**BUILT, 1: "edited by hand"}
    assert world.call("drift") == Exit.DIFFERS
    world.target.content = dict(BUILT)
    assert world.call("drift") == Exit.DONE


def test_drift_ends_with_3_although_an_apply_would_be_refused(world: World) -> None:
    world.target.content = {**BUILT, 1: "edited by hand"}
    world.target.foreign = {1: "somebody else has set it"}
    assert world.call("plan") == Exit.REFUSED
    assert world.call("drift") == Exit.DIFFERS


@pytest.mark.parametrize(
    "command",
    ["plan", "drift", "status", "preflight", "lock show", "maintenance", "history", "cert list"],
)
def test_a_host_that_is_away_is_named_with_its_error_and_the_exit_code_is_6(
    command: str, world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.target.content = dict(BUILT)
    world.target.away = {node(2): AWAY}
    monkeypatch.setattr(world.target, "history", _silent)
    assert world.call(*command.split()) == Exit.UNOBSERVED
    out = capsys.readouterr().out
    assert "error[ssh/timeout] host n2" in out
    assert "hint: ping it" in out


@pytest.mark.parametrize("command", ["lock show", "history", "cert list"])
def test_programs_read_who_is_away_too(
    command: str, world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.target.away = {node(2): AWAY}
    monkeypatch.setattr(world.target, "history", _silent)
    world.call(*command.split(), "--output", "json")
    (away,) = json.loads(capsys.readouterr().out)["unreachable"]
    assert away["code"] == "ssh/timeout"


def _silent(limit: int) -> tuple[Record, ...]:
    raise AWAY


@pytest.mark.parametrize(
    ("command", "denial"),
    [
        ("lock show", "nobody holds it"),
        ("maintenance", "nothing is in maintenance"),
        ("history", "nothing was done here yet"),
    ],
)
def test_what_was_not_found_is_not_denied_where_somebody_can_not_be_asked(
    command: str,
    denial: str,
    world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert world.call(*command.split()) == Exit.DONE
    assert f"{denial}\n" in capsys.readouterr().out
    world.target.away = {node(2): AWAY}
    monkeypatch.setattr(world.target, "history", _silent)
    world.call(*command.split())
    assert f"{denial}, as far as can be seen\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    ["apply --resume --yes", "rollback --yes", "rollback 3 --yes", "maintenance demo --end --yes"],
)
def test_what_only_a_host_that_is_away_may_know_of_is_not_called_absent(
    command: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    world.target.away = {node(2): AWAY}
    assert world.call(*command.split()) == Exit.UNOBSERVED
    assert "n2 can't be asked" in capsys.readouterr().err


def test_before_the_first_revision_there_is_none_to_go_back_to(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("rollback", "--yes") == Exit.REFUSED
    assert "the targets keep no earlier revision" in capsys.readouterr().err


def test_a_plan_that_an_apply_would_refuse_ends_with_4(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.foreign = {1: "a server that is not ours runs there"}
    assert world.call("plan") == Exit.REFUSED
    assert "a server that is not ours" in capsys.readouterr().out


def test_who_closed_standard_input_is_nobody_to_be_asked(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert world.call("apply") == Exit.REFUSED
    assert "error[apply/no-consent]" in capsys.readouterr().err


def test_apply_without_a_terminal_refuses(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.call("apply") == Exit.REFUSED
    out, err = capsys.readouterr()
    assert out == ""
    assert "error[apply/no-consent]" in err
    assert world.target.log == []


def test_apply_with_yes_shows_plan_and_progress_on_standard_error_and_the_end_on_standard_output(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("apply", "--yes") == Exit.DONE
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith("shop: apply done, 4 steps, ")
    assert out.splitlines()[1] == "It cost nothing."
    assert "3 to create" in err
    assert "begin: build on n0" in err
    assert world.target.content == BUILT


def test_a_second_apply_changes_nothing_and_says_so(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    assert world.call("apply", "--yes") == Exit.DONE
    assert capsys.readouterr().out == "shop: nothing to change.\n"


@pytest.mark.parametrize(("words", "ended"), [("yes", Exit.DONE), ("y", Exit.REFUSED)])
def test_on_a_terminal_apply_shows_the_plan_then_asks_for_the_whole_word(
    words: str,
    ended: Exit,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown: list[str] = []
    answering(monkeypatch, words, before=lambda: shown.append(capsys.readouterr().err))
    assert world.call("apply") == ended
    assert "3 to create" in shown[0]
    assert shown[0].endswith("Apply? Type yes to go on: ")
    assert bool(world.target.content) == (ended is Exit.DONE)


@pytest.fixture
def ctrl_c_counts() -> Iterator[None]:
    """It is ignored in what a shell has put in the background, these tests too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_counts")
def test_ctrl_c_at_the_question_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "", before=lambda: signal.raise_signal(signal.SIGINT))
    assert world.call("apply") == Exit.INTERRUPTED
    assert world.target.log == []


def test_without_a_terminal_an_apply_costs_a_reload_at_most_unless_it_is_allowed(
    world: World,
) -> None:
    world.target.content = {**BUILT, 1: "old"}
    assert world.call("apply", "--yes") == Exit.REFUSED
    assert world.call("apply", "--yes", "--max-impact", "restart") == Exit.DONE
    assert world.target.content == BUILT


def test_a_saved_plan_is_applied_without_a_question_and_refused_when_stale(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    file = world.folder / "it.plan"
    assert world.call("plan", "--out", str(file)) == Exit.DONE
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"next: opsctl apply {file}" in capsys.readouterr().out
    assert world.call("apply", str(file)) == Exit.DONE
    assert world.target.content == BUILT
    assert world.call("apply", str(file)) == Exit.REFUSED
    assert "error[plan/stale]" in capsys.readouterr().err


def test_a_saved_plan_is_of_one_environment_however_it_is_called(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its files and secrets are those of the spec in use: another environment's are not its own."""
    file, spec = world.folder / "it.plan", world.folder / "opsctl.yaml"
    assert world.call("plan", "--out", str(file)) == Exit.DONE
    written = spec.read_text()
    spec.write_text(written.replace("name: shop", "name: staging"))
    assert world.call("apply", str(file)) == Exit.REFUSED
    said = capsys.readouterr().err
    assert "error[plan/other-environment]" in said
    assert "this plan is for shop, and the spec is of staging" in said
    assert world.target.content == {}
    spec.write_text(written.replace("name: shop", "name: renamed\nid: shop"))
    assert world.call("apply", str(file)) == Exit.DONE


def test_what_plan_prints_as_json_can_be_applied(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.call("plan", "--output", "json")
    (world.folder / "it.json").write_text(capsys.readouterr().out)
    assert world.call("apply", "it.json") == Exit.DONE


def test_a_spec_given_as_a_plan_is_told_apart(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("apply", "opsctl.yaml") == Exit.INPUT
    assert "hint: opsctl apply -f opsctl.yaml" in capsys.readouterr().err


def test_with_json_standard_output_is_one_document_and_standard_error_one_object_a_line(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("apply", "--yes", "-o", "json") == Exit.DONE
    out, err = capsys.readouterr()
    assert json.loads(out)["changed"] is True
    lines = [json.loads(line) for line in err.splitlines()]
    assert {"event": "begin", "step": "build/dc/n0", "where": "", "words": "build on n0"} in lines


def test_with_json_an_error_is_an_object_on_standard_error(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    (world.folder / "opsctl.yaml").write_text("opsctl: 1\nnmae: shop\n")
    assert world.call("plan", "-o", "json") == Exit.INPUT
    out, err = capsys.readouterr()
    assert out == ""
    data = json.loads(err)
    assert data["exit"] == Exit.INPUT
    assert data["errors"][0]["where"]["line"] in (1, 2)


def test_a_run_that_fails_half_way_names_what_is_open_and_ends_with_5(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = {0: "old", 1: "old", 2: "old"}
    world.target.fails = {node(2)}
    assert world.call("apply", "--yes", "--max-impact", "failover") == Exit.PARTLY
    out, err = capsys.readouterr()
    assert "stopped, 1 of 4 steps done" in out
    assert "open: change demo-2" in out
    assert "error[test/failed]" in err


def test_a_signal_during_a_run_stops_it_at_the_next_safe_point(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = world.target.apply

    def apply(*given: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        return plain(*given)

    monkeypatch.setattr(world.target, "apply", apply)
    assert world.call("apply", "--yes") == Exit.INTERRUPTED
    err = capsys.readouterr().err
    assert "stopping at the next safe point: waiting for build on n0" in err
    assert "still stopping: waiting for build on n0" in err
    assert "error[run/interrupted]" in err
    assert world.target.content == BUILT
    assert world.target.log[-1] == "release"


@pytest.fixture(name="hangup")
def a_hangup(monkeypatch: pytest.MonkeyPatch, world: World) -> Iterator[Callable[[Any], None]]:
    """Gives what sets how this process takes a hangup; each apply meets one."""
    plain = world.target.apply

    def apply(*given: Any) -> Any:
        signal.raise_signal(signal.SIGHUP)
        return plain(*given)

    monkeypatch.setattr(world.target, "apply", apply)
    before = signal.getsignal(signal.SIGHUP)
    yield lambda how: signal.signal(signal.SIGHUP, how)
    signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_closes_during_a_run_stops_it_at_the_next_safe_point(
    world: World, hangup: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def deadly(number: int, frame: object) -> None:
        raise AssertionError("the hangup ended it in the middle")

    hangup(deadly)
    assert world.call("apply", "--yes") == Exit.INTERRUPTED
    assert "stopping at the next safe point: waiting for build on n0" in capsys.readouterr().err
    assert world.target.content == BUILT
    assert world.target.log[-1] == "release"


def test_a_terminal_that_closes_stops_nothing_under_nohup(
    world: World, hangup: Callable[[Any], None]
) -> None:
    hangup(signal.SIG_IGN)
    assert world.call("apply", "--yes") == Exit.DONE
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_terminal_that_closes_ends_a_command_that_only_reads(
    world: World, hangup: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hangup(signal.SIG_DFL)
    wire(monkeypatch, parts=lambda *_, **__: signal.raise_signal(signal.SIGHUP))
    assert world.call("plan") == Exit.INTERRUPTED


def test_limit_takes_in_only_what_it_names_and_unknown_names_are_refused(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.call("plan", "--limit", "demo/demo-1")
    assert "1 to create" in capsys.readouterr().out
    assert world.call("plan", "--limit", "demmo") == Exit.INPUT
    assert 'did you mean "demo"?' in capsys.readouterr().err
    for command in ("plan", "apply --yes", "status", "drift"):
        assert world.call(*command.split(), "--limit", "demo/demo-7") == Exit.INPUT
        assert 'there is no member "demo-7"' in capsys.readouterr().err


def test_strict_makes_advice_a_mistake(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--set", "services.demo.replicas=1")
    assert world.call("plan", *words) == Exit.DONE
    assert "see `opsctl validate --set services.demo.replicas=1`" in capsys.readouterr().err
    assert world.call("plan", "--strict", *words) == Exit.INPUT
    assert "error[lint/one-replica]" in capsys.readouterr().err


def test_validate_says_what_it_saw_and_shows_advice_beside_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("validate", "--set", "services.demo.replicas=1") == Exit.DONE
    out, err = capsys.readouterr()
    assert out == "shop: valid, 1 service on 1 target, 1 warning.\n"
    assert err.startswith("warning[lint/one-replica] --set")


def test_schema_is_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.call("schema") == Exit.DONE
    assert json.loads(capsys.readouterr().out)["title"] == "opsctl spec"


def test_an_upgrade_shows_its_plan_first_and_wants_consent(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict.fromkeys(BUILT, "older")
    assert world.call("upgrade", "demo", "--dry-run") == Exit.DONE
    assert "shop: upgrade demo" in capsys.readouterr().out
    assert world.call("upgrade", "demo") == Exit.REFUSED
    assert world.target.log == []


@pytest.mark.parametrize(
    "words",
    [
        ("destroy",),
        ("restart", "demo"),
        ("switchover", "demo", "--to", "demo-1"),
        ("failover", "demo"),
        ("scale", "demo", "2"),
    ],
)
def test_every_verb_shows_its_plan_first_and_wants_consent(
    words: tuple[str, ...], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    assert world.call(*words, "--dry-run") == Exit.DONE
    assert f"shop: {words[0]}" in capsys.readouterr().out
    assert world.call(*words) == Exit.REFUSED
    assert world.target.log == []


def test_a_restart_goes_round_and_says_what_it_cost(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    words = ("restart", "demo/demo-1", "--yes", "--max-impact", "restart")
    assert world.call(*words) == Exit.DONE
    assert "It cost a restart of demo-1." in capsys.readouterr().out


def test_a_restart_goes_on_without_who_is_away_once_that_was_said(world: World) -> None:
    world.target.content = dict(BUILT)
    world.target.away = {node(2): AWAY}
    assert world.call("restart", "demo", "--yes") == Exit.UNOBSERVED
    assert world.target.log == []
    assert world.call("restart", "demo", "--yes", "--skip-unreachable") == Exit.DONE
    touched = [done for done in world.target.log if done.startswith("apply")]
    assert touched == [f"apply {node(1)}", f"apply {node(0)}"]


def test_a_restart_of_nobody_but_who_is_away_is_no_success(world: World) -> None:
    world.target.content = dict(BUILT)
    world.target.away, world.target.fails = {node(2): AWAY}, {node(2)}
    words = ("restart", "demo/demo-2", "--yes", "--skip-unreachable")
    assert world.call(*words) == Exit.FAILED


def test_status_begins_with_what_is_unfinished_and_who_holds_the_lock(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    world.target.unfinished = Unfinished(
        "r1", "ann@ops", 0.0, 3, ("build/dc/n0", "member/demo-1"), ("member/demo-0",)
    )
    world.target.holder = Holder(7, "ann@ops: apply", 0.0, 60.0)
    assert world.call("status") == Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("An apply is unfinished: ann@ops began it ")
    assert lines[1] == "  2 of 3 steps done, the next is member/demo-0"
    assert lines[2] == "  changed already: demo-1"
    assert lines[3] == "  go on: opsctl apply --resume   back: opsctl rollback"
    assert lines[5].startswith("Held by ann@ops: apply for ")


def test_a_verb_that_was_interrupted_is_no_apply_and_is_said_again(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    world.target.unfinished = Unfinished(
        "r1", "ann@ops", 0.0, 3, (), ("restore/demo",), "restore demo from x"
    )
    assert world.call("status") == Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Restore demo from x is unfinished: ann@ops began it ")
    assert lines[2] == "  put right what it left: opsctl apply --resume   once more: say it again"


def test_status_shows_roles_lag_and_who_follows_whom(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    world.call("status")
    text = capsys.readouterr().out
    assert "demo  demo on dc  healthy" in text
    assert "  demo-0  server   primary  yes                        n0    n0\n" in text
    assert "  demo-1  server   replica  yes    2.0 KiB  n0:7000    n1    n1\n" in text


def test_status_does_not_wait_again_for_a_host_that_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Query(("ask",), lambda _: Shelf())
    none: Any = None  # nothing is taken, verified or restored here
    backups = Backups("server", 3600.0, lambda _member: shelf, none, none, none)
    monkeypatch.setattr(
        Demo, "describe",
        lambda _self, _name, _service, seats, *_: replace(workload(len(seats)), backups=backups),
    )  # fmt: skip
    asked: list[str] = []
    ask = world.target.ask
    monkeypatch.setattr(
        world.target, "ask", lambda many: asked.extend(one.seat.member for one in many) or ask(many)
    )
    world.target.content, world.target.away = dict(BUILT), {node(2): AWAY}
    assert world.call("status") == Exit.UNOBSERVED
    assert asked == [member(0), member(1)]


def test_status_checks_health_when_asked(world: World) -> None:
    world.target.content = dict(BUILT)
    assert world.call("status", "--check") == Exit.DONE
    world.target.unready = {1}
    assert world.call("status", "--check") == Exit.DIFFERS
    assert world.call("status") == Exit.DONE


def test_a_rollback_reaches_revisions_that_no_look_brings(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = load([world.folder / "opsctl.yaml"], engines={"demo": DemoService}).document
    world.target.content = dict(BUILT)
    world.target.kept = {3: {**spec, "services": {"demo": {**spec["services"]["demo"]}}}}
    assert world.call("rollback", "3", "--dry-run", "--output", "json") == Exit.DONE
    plan = json.loads(capsys.readouterr().out)
    assert plan["title"] == "rollback to revision 3"
    assert world.call("rollback", "2", "--yes") == Exit.REFUSED
    assert "the targets keep no revision 2" in capsys.readouterr().err


def test_a_rollback_to_what_two_callers_called_by_one_number_is_refused(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = load([world.folder / "opsctl.yaml"], engines={"demo": DemoService}).document
    world.target.content = dict(BUILT)
    world.more_targets = {"far": WatchedTarget("far", members=0)}
    world.target.kept = {3: spec}
    world.more_targets["far"].kept = {3: spec}
    assert world.call("rollback", "3", "--dry-run") == Exit.DONE
    world.more_targets["far"].kept = {3: {**spec, "drills": "allowed"}}
    assert world.call("rollback", "3", "--dry-run") == Exit.REFUSED
    assert "error[rollback/two-specs]" in capsys.readouterr().err


def test_a_rollback_looks_for_the_newest_other_spec_however_old(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = load([world.folder / "opsctl.yaml"], engines={"demo": DemoService}).document
    world.target.content = dict(BUILT)
    other = {**spec, "services": {"demo": {**spec["services"]["demo"], "replicas": 2}}}
    world.target.kept = {3: other, 4: spec}
    world.target.records = [
        Record(f"r{number}", "end", 0.0, "ann", ended=ended, revision=number)
        for number, ended in ((3, "done"), (4, "failed"))
    ]
    assert world.call("rollback", "--dry-run", "--output", "json") == Exit.DONE
    assert json.loads(capsys.readouterr().out)["title"] == "rollback to revision 3"


def test_preflight_refuses_what_stands_in_the_way(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("preflight") == Exit.DONE
    assert "3 nodes ready." in capsys.readouterr().out
    wrong = OpsError("host/no-sudo", "sudo wants a password", where="host n1")
    world.target.problems = (Problem(node(1), wrong),)
    assert world.call("preflight") == Exit.REFUSED


def test_history_has_one_line_for_every_run(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.call("apply", "--yes")
    capsys.readouterr()
    assert world.call("history") == Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "apply" in lines[1]
    assert "tester" in lines[1]
    world.call("history", "--verbose")
    assert len(capsys.readouterr().out.splitlines()) > 4


def test_the_lock_is_released_with_a_reason_only(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.holder = Holder(7, "ann@ops: apply", 0.0, 60.0)
    assert world.call("lock", "release", "--yes") == Exit.INPUT
    assert world.call("lock", "release", "--reason", "she left") == Exit.REFUSED
    assert world.target.broken == []
    assert world.call("lock", "release", "--reason", "she left", "--yes") == Exit.DONE
    assert world.target.broken == ["she left"]
    assert "released what ann@ops: apply held" in capsys.readouterr().out


def test_a_lock_that_is_taken_where_hosts_are_there_says_where_it_was_not(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(reason: str, who: str) -> Holder | None:
        raise OpsError("lock/no-majority", "no host answers", exit=Exit.UNOBSERVED)

    far = WatchedTarget("away")
    monkeypatch.setattr(far, "break_lock", away)
    world.more_targets = {"away": far}
    world.target.holder = Holder(7, "ann@ops: apply", 0.0, 60.0)
    assert world.call("lock", "release", "--reason", "she left", "--yes") == Exit.PARTLY
    said = capsys.readouterr()
    assert "released what ann@ops: apply held" in said.out
    assert "error[lock/no-majority]" in said.err
    assert [one.words for one in world.target.records] == [
        "lock taken from ann@ops: apply: she left"
    ]
    world.target.holder = None
    assert world.call("lock", "release", "--reason", "again", "--yes") == Exit.UNOBSERVED
    assert "nobody" not in capsys.readouterr().out


def test_a_lock_that_is_taken_while_its_last_change_goes_on_is_released_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy(holder: str, ttl: float) -> Fence:
        raise OpsError("lock/busy", "a change is still under way", exit=Exit.LOCKED)

    world.target.holder = Holder(7, "ann@ops: apply", 0.0, 60.0)
    monkeypatch.setattr(world.target, "acquire", busy)
    assert world.call("lock", "release", "--reason", "she left", "--yes") == Exit.PARTLY
    said = capsys.readouterr()
    assert "released what ann@ops: apply held" in said.out
    assert "error[lock/busy]" in said.err


def test_logs_of_a_service_have_the_members_name_before_each_line(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    assert world.call("logs", "demo", "-n", "5") == Exit.DONE
    assert capfd.readouterr().out.splitlines() == [
        f"{member(n)} | 5 lines of {member(n)} server" for n in range(3)
    ]


def test_the_log_of_one_member_is_passed_through(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    assert world.call("logs", "demo/demo-1") == Exit.DONE
    assert capfd.readouterr().out == "100 lines of demo-1 server\n"


@pytest.mark.parametrize(
    ("form", "begin"), [("text", "shop"), ("mermaid", "flow"), ("svg", "<svg")]
)
def test_graph_draws_in_every_form(
    form: str, begin: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    assert world.call("graph", "--as", form) == Exit.DONE
    assert capsys.readouterr().out.startswith(begin)


def test_a_graph_without_hosts_asks_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(world.target, "recorded", lambda *, ask=True: asked.append(ask) or {})
    assert world.call("graph", "--offline") == Exit.DONE
    assert asked == [False]


@pytest.mark.parametrize("text", ["", "{}", '{"opsctl_plan": 1}', "[]", "no json"])
def test_what_is_no_saved_plan_is_named(
    text: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    (world.folder / "plan.json").write_text(text)
    assert world.call("apply", "plan.json") == Exit.INPUT
    told = capsys.readouterr().err.splitlines()[:2]
    assert told == [
        "error[plan/unreadable] plan.json",
        "  this is not a plan that opsctl wrote, or not all of it",
    ]
