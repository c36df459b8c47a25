"""The runner: the primary goes last, the first failure ends it, nothing stays paused."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from planning_world import member, node
from running_world import MemoryTarget, call, context, unit, workload

from opsctl.errors import Exit, OpsError, OpsErrors
from opsctl.planning.plan import Change, Field, Step
from opsctl.planning.resource import Impact, ResourceId
from opsctl.ports import Fence, Record
from opsctl.running.context import Service, Stop
from opsctl.running.gates import await_gate, perform_acts
from opsctl.running.journal import Journal
from opsctl.running.lease import leased
from opsctl.running.rolling import work_of
from opsctl.running.runner import Report, run
from opsctl.running.turns import next_turn
from opsctl.targets.unfinished import unfinished
from opsctl.workload import Act, Gate, Object, Query, Standings, Traffic


def change(number: int) -> Change:
    return Change(
        unit(number).id, "restart", "demo", member(number), Impact.RESTART, component="server"
    )


def rolls(*numbers: int) -> tuple[Step, ...]:
    return tuple(
        Step(
            f"member/{member(n)}",
            "roll",
            "change",
            "dc",
            "demo",
            (member(n),),
            (node(n),),
            (change(n),),
            impact=Impact.RESTART,
        )
        for n in numbers
    )


def start(target: MemoryTarget, steps: tuple[Step, ...], stop: Stop | None = None) -> Report:
    journal = Journal("r1", "me", {"dc": target}, {"dc": Fence(1, "me")}, 1, lambda record: None)
    return run(context(target, steps, stop), journal)


def test_members_go_one_by_one_and_the_primary_last_after_a_handover() -> None:
    target = MemoryTarget(primary=0)
    report = start(target, rolls(0, 1, 2))
    assert report.exit is Exit.DONE
    assert target.log == [
        f"apply {node(1)}",
        f"apply {node(2)}",
        f"pause {member(0)}",
        f"promote {member(1)}",
        f"apply {node(0)}",
    ]


def test_who_has_to_go_down_for_the_service_to_be_whole_goes_at_once() -> None:
    def second(standings: Standings) -> str:
        return "" if target.log else f"{member(2)} is in the way"

    target = MemoryTarget(primary=0)
    waits = replace(
        workload().rolling,
        before=Gate("nobody is in the way", second, timeout=0.2),
        mends=lambda _standings, name: name == member(2),
    )
    for number, log in ((1, []), (2, [f"apply {node(2)}"])):
        steps = rolls(number)
        at_hand = replace(
            context(target, steps),
            workloads={"demo": ("dc", replace(workload(), rolling=waits))},
        )
        journal = Journal("r", "me", {"dc": target}, {"dc": Fence(1, "me")}, 1, lambda record: None)
        report = run(at_hand, journal)
        assert (report.exit is Exit.DONE, target.log) == (bool(log), log)


def test_a_reload_hands_nothing_over_and_the_member_must_be_well_before_the_next() -> None:
    def reload(step: Step) -> Step:
        changes = tuple(replace(one, verb="reload", impact=Impact.RELOAD) for one in step.changes)
        return replace(step, changes=changes, impact=Impact.RELOAD)

    target = MemoryTarget(primary=0)
    assert start(target, tuple(map(reload, rolls(0, 1)))).exit is Exit.DONE
    assert target.log == [f"apply {node(1)}", f"apply {node(0)}"]
    unwell = MemoryTarget(primary=0, unready={1})
    assert start(unwell, tuple(map(reload, rolls(0, 1)))).open == (
        f"member/{member(0)}",
        f"member/{member(1)}",
    )
    assert unwell.log == [f"apply {node(1)}"]


def unnoticed(*numbers: int, field: str = "content") -> tuple[Step, ...]:
    """Steps of changes that cost clients nothing."""
    fields = (Field(field, "old", "new"),)

    def calm(step: Step) -> Step:
        changes = tuple(
            replace(one, verb="update", impact=Impact.NONE, fields=fields) for one in step.changes
        )
        return replace(step, changes=changes, impact=Impact.NONE)

    return tuple(map(calm, rolls(*numbers)))


def test_what_nobody_notices_is_tried_on_one_member_and_the_others_go_together() -> None:
    target = MemoryTarget(primary=0)
    report = start(target, unnoticed(0, 1, 2))
    assert report.exit is Exit.DONE
    assert target.log == [f"apply {node(1)}", f"apply {node(0)} and {node(2)}"]
    assert report.done == tuple(f"member/{member(number)}" for number in (1, 0, 2))


def test_where_one_member_fails_at_what_nobody_notices_the_others_are_untouched() -> None:
    for target in (MemoryTarget(primary=0, fails={node(1)}), MemoryTarget(primary=0, unready={1})):
        assert start(target, unnoticed(0, 1, 2)).open == tuple(
            f"member/{member(n)}" for n in (0, 1, 2)
        )
        assert target.log == [f"apply {node(1)}"]


def test_another_change_is_tried_on_a_member_of_its_own() -> None:
    target = MemoryTarget(primary=0)
    assert start(target, (*unnoticed(0, 1), *unnoticed(2, field="other"))).exit is Exit.DONE
    assert target.log == [f"apply {node(1)}", f"apply {node(2)}", f"apply {node(0)}"]


def test_two_members_of_one_place_go_one_after_the_other() -> None:
    steps = tuple(replace(step, where=(node(0),)) for step in unnoticed(0, 1, 2))
    at_hand = context(MemoryTarget(primary=0), steps)
    assert next_turn(steps[1:], {steps[0].id}, at_hand) == (steps[1],)


def test_the_first_member_that_fails_ends_it_and_the_others_are_untouched() -> None:
    target = MemoryTarget(primary=2, fails={node(0)})
    report = start(target, rolls(0, 1, 2))
    assert target.log == [f"apply {node(0)}"]
    assert report.exit is Exit.FAILED
    assert len(report.open) == 3


def test_nobody_waits_for_a_member_that_has_left() -> None:
    steps = (
        Step("remove", "remove", "remove", "dc", "demo", (member(2),), (node(2),), verb="leave"),
        *rolls(0, 1),
    )
    target = MemoryTarget(primary=0, unready={2})
    placed = context(target, steps)
    fewer = replace(placed, placed=lambda _, whole, gone: workload(3 - len(gone)))
    journal = Journal("r1", "me", {"dc": target}, {"dc": Fence(1, "me")}, 1, lambda record: None)
    assert run(fewer, journal).exit is Exit.DONE
    assert start(MemoryTarget(primary=0, unready={2}), rolls(0, 1)).exit is not Exit.DONE


def test_a_failure_after_something_was_done_counts_as_partly_applied() -> None:
    target = MemoryTarget(primary=2, fails={node(1)})
    assert start(target, rolls(0, 1, 2)).exit is Exit.PARTLY


def test_a_wave_is_done_where_it_went_well_and_every_place_that_failed_is_told() -> None:
    target = MemoryTarget(fails={node(0), node(2)})
    builds = tuple(
        Step(f"build/{node(n)}", "converge", "build", "dc", where=(node(n),), changes=(change(n),))
        for n in range(3)
    )
    report = start(target, builds)
    assert report.done == (f"build/{node(1)}",)
    assert report.open == (f"build/{node(0)}", f"build/{node(2)}")
    assert report.exit is Exit.PARTLY
    assert isinstance(report.error, OpsErrors)
    assert [node(0) in str(report.error), node(2) in str(report.error)] == [True, True]


def test_a_member_that_was_changed_and_never_came_back_counts_as_partly_applied() -> None:
    report = start(MemoryTarget(primary=2, unready={0}), rolls(0))
    assert report.exit is Exit.PARTLY


def test_a_gates_words_are_said_once_and_then_only_what_stands_in_its_way() -> None:
    said: list[str] = []
    target = MemoryTarget(primary=2)
    told = replace(context(target, rolls(0)), events=lambda event: said.append(event.words))
    demo = Service(told, target, workload(3))
    reasons = iter(["", "b is away", "b is away", "b is slow", ""] * 2)
    gate = Gate("all are ready", lambda _: next(reasons), timeout=5.0)
    assert next(reasons) == ""
    await_gate(demo, gate)
    assert said == ["waiting until all are ready: b is away", "b is slow"]
    await_gate(demo, gate)  # holds at once
    await_gate(demo, gate)
    assert said[2:] == ["waiting: b is away", "b is slow"]


def test_a_settle_steps_title_has_said_what_it_waits_for() -> None:
    said: list[str] = []
    target = MemoryTarget(primary=0, unready={1})
    settle = Step("settle/demo", "settle", "wait until demo is whole", "dc", "demo")
    there = replace(context(target, (settle,)), events=lambda event: said.append(event.words))
    run(there, Journal("r1", "me", {"dc": target}, there.fences, 1, lambda record: None))
    assert "waiting: demo-1 is not ready" in said
    assert not any("until all are ready" in words for words in said)


def test_whom_members_should_forget_they_forget_once_the_service_is_whole() -> None:
    target = MemoryTarget(primary=0)
    settle = Step("settle/demo", "settle", "wait until demo is whole", "dc", "demo")
    there = context(target, (settle,))
    demo = replace(workload(3), strays=lambda _: "" if "forget demo-0" in target.log else "n9")
    there = replace(there, workloads={"demo": ("dc", demo)})
    run(there, Journal("r1", "me", {"dc": target}, there.fences, 1, lambda record: None))
    assert target.log == ["forget demo-0", "prove demo-0"]
    run(there, Journal("r2", "me", {"dc": target}, there.fences, 1, lambda record: None))
    assert target.log[2:] == ["prove demo-0"]


def test_whom_members_count_and_who_follows_on_purpose_is_told_of_and_stops_nothing() -> None:
    said: list[str] = []
    target = MemoryTarget(primary=0)
    settle = Step("settle/demo", "settle", "wait until demo is whole", "dc", "demo")
    there = replace(context(target, (settle,)), events=lambda event: said.append(event.words))
    stranger = OpsError("demo/stranger", "n9 follows demo-0", hint="stop it")
    demo = replace(workload(3), strangers=lambda _: (stranger,))
    there = replace(there, workloads={"demo": ("dc", demo)})
    report = run(there, Journal("r1", "me", {"dc": target}, there.fences, 1, lambda record: None))
    assert report.error is None
    assert "[demo/stranger]: n9 follows demo-0 (stop it)" in said


def test_who_runs_where_a_member_was_before_is_forgotten_once_that_place_is_cleared() -> None:
    target = MemoryTarget(primary=0)
    settle = Step("settle/demo", "settle", "wait until demo is whole", "dc", "demo")
    clear = Step("remove/demo-1", "remove", "remove demo-1", "dc", "demo", ("demo-1",))
    clear = replace(clear, needs=(settle.id,))
    there = context(target, (settle, clear))
    demo = replace(workload(3), strays=lambda _: "" if "forget demo-0" in target.log else "n9")
    there = replace(there, workloads={"demo": ("dc", demo)})
    report = run(there, Journal("r1", "me", {"dc": target}, there.fences, 1, lambda record: None))
    assert report.error is None
    assert target.log == ["prove demo-0", "forget demo-0"]


@pytest.mark.parametrize("refuses", [False, True])
def test_what_ends_by_itself_is_said_again_as_long_as_its_gate_is_awaited(refuses: bool) -> None:
    said: list[str] = []
    target = MemoryTarget(primary=0, fails={"pause"} if refuses else set())
    clock = iter(range(100))  # a second with each look at the clock
    there = replace(
        context(target, rolls(0)),
        monotonic=lambda: float(next(clock)),
        events=lambda event: said.append(event.words),
    )
    left = iter(range(9, -1, -1))
    gate = Gate("it caught up", lambda _: "behind" if next(left) else "", timeout=60.0)
    pause = call("pause writes", 0, "pause")
    acts = (Act(call("promote", 1, "promote"), gate, meanwhile=pause),)
    perform_acts(Service(there, target, workload(3)), acts)
    assert target.log[0] == f"promote {member(1)}"
    assert len(target.log) >= 3
    assert set(target.log[1:]) == {f"pause {member(0)}"}
    assert any("could not pause writes" in words for words in said) == refuses


def test_a_handover_that_fails_leaves_nothing_paused() -> None:
    target = MemoryTarget(primary=0, fails={"promote"})
    report = start(target, rolls(0))
    assert target.log == [f"pause {member(0)}", f"promote {member(1)}", f"unpause {member(0)}"]
    assert report.error is not None
    assert report.error.code == "run/refused"
    assert (report.exit, report.changed) == (Exit.FAILED, False)


def test_a_restart_that_fails_after_the_primary_has_moved_counts_as_partly_applied() -> None:
    target = MemoryTarget(primary=0, fails={node(0)})
    report = start(target, rolls(0))
    assert target.log == [f"pause {member(0)}", f"promote {member(1)}", f"apply {node(0)}"]
    assert (report.done, report.exit, report.changed) == ((), Exit.PARTLY, True)
    assert report.error is not None
    assert report.error.exit is Exit.PARTLY


def test_a_handover_that_can_not_be_undone_counts_as_partly_applied() -> None:
    report = start(MemoryTarget(primary=0, fails={"promote", "unpause"}), rolls(0))
    assert report.exit is Exit.PARTLY


@pytest.mark.parametrize(
    ("fails", "ended"),
    [({"set-0"}, Exit.FAILED), ({"set-1"}, Exit.PARTLY)],
    ids=["first", "second"],
)
def test_a_setting_that_only_a_later_member_refuses_counts_as_partly_applied(
    fails: set[str], ended: Exit
) -> None:
    target = MemoryTarget(primary=0, fails=fails)
    changes = tuple(
        Change(named, "update", "demo", member(n), Impact.NONE)
        for n in (0, 1)
        for named in [ResourceId("setting", node(n), f"{member(n)}/policy")]
    )
    prepare = Step("prepare/demo", "prepare", "prepare", "dc", "demo", changes=changes)
    there = replace(context(target, (prepare,)), objects={"demo": (setting(0), setting(1))})
    journal = Journal("r1", "me", {"dc": target}, there.fences, 1, lambda record: None)
    assert run(there, journal).exit is ended


def setting(number: int) -> Object:
    """It says nothing of its value, so it is written."""
    return Object(
        kind="setting",
        name="policy",
        member=member(number),
        component="server",
        desired={"policy": "new"},
        read=Query(("get",), lambda answer: {}),
        write=lambda differing: call("set the policy", number, f"set-{number}"),
    )


def test_a_verb_counts_as_partly_applied_by_what_it_did_before_it_failed() -> None:
    leave = Step(
        "remove", "remove", "remove", "dc", "demo", (member(2),), (node(2),),
        (Change(unit(2).id, "remove", "demo", member(2), Impact.NONE),), verb="leave",
    )  # fmt: skip
    assert start(MemoryTarget(fails={"leave"}), (leave,)).exit is Exit.FAILED
    assert start(MemoryTarget(fails={node(2)}), (leave,)).exit is Exit.PARTLY
    switchover = Step(
        "switchover", "operate", "switchover", "dc", "demo", verb="switchover",
        arguments={"to": member(0)},
    )  # fmt: skip
    assert start(MemoryTarget(fails={"promote"}), (switchover,)).exit is Exit.FAILED


def test_what_was_proved_before_a_proof_failed_is_no_change() -> None:
    target = MemoryTarget(fails={"read"})
    proof = (Act(call("write", 0, "write")), Act(call("read", 1, "read")))
    demo = workload(3)
    proving = replace(demo, operations=replace(demo.operations, prove=lambda standings: proof))
    settle = Step("settle/demo", "settle", "settle", "dc", "demo")
    there = replace(context(target, (settle,)), workloads={"demo": ("dc", proving)})
    report = run(there, Journal("r1", "me", {"dc": target}, there.fences, 1, lambda record: None))
    assert target.log == [f"write {member(0)}", f"read {member(1)}"]
    assert report.exit is Exit.FAILED


@pytest.mark.parametrize(
    ("fails", "ended"), [(set(), Exit.FAILED), ({"undrain"}, Exit.PARTLY)], ids=["led back", "not"]
)
def test_clients_that_were_led_away_and_back_are_no_change(fails: set[str], ended: Exit) -> None:
    target = MemoryTarget(primary=2, unready={1}, fails=fails)  # so no member is taken down
    acts = Traffic((Act(call("drain", 2, "drain")),), (Act(call("undrain", 2, "undrain")),))
    pool = replace(workload(3), service="edge", traffic=lambda service, of: acts)
    there = context(target, rolls(0))
    beside = replace(there, workloads={**there.workloads, "edge": ("dc", pool)})
    report = run(beside, Journal("r1", "me", {"dc": target}, there.fences, 1, lambda record: None))
    assert target.log == [f"drain {member(2)}", f"undrain {member(2)}"]
    assert report.exit is ended


def test_no_member_is_taken_down_while_another_is_not_ready() -> None:
    target = MemoryTarget(primary=2, unready={1})
    report = start(target, rolls(0))
    assert target.log == []
    assert report.error is not None
    assert f"{member(1)} is not ready" in report.error.message


def test_a_member_whose_place_is_silent_ends_the_wait_long_before_the_gate_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("opsctl.running.gates._LOST", 0.2)
    target = MemoryTarget(primary=2, away={1}, unready={2})
    report = start(target, rolls(0))
    assert report.error is not None
    assert report.error.code == "run/lost"  # the gate's own word would be another
    assert f"{member(1)} on" in report.error.message
    assert target.log == []


def test_a_member_that_is_down_already_is_mended_without_waiting_for_it() -> None:
    target = MemoryTarget(primary=2, unready={0})
    report = start(target, rolls(0))
    assert target.log == [f"apply {node(0)}"]
    assert report.error is not None  # it never came back: the gate after it says so
    assert f"{member(0)} is not ready" in report.error.message


def test_a_stop_takes_effect_between_steps_and_says_how_to_go_on() -> None:
    stop = Stop()
    stop.ask()
    target = MemoryTarget()
    report = start(target, rolls(0), stop)
    assert target.log == []
    assert report.exit is Exit.INTERRUPTED
    assert report.error is not None
    assert "--resume" in report.error.hint


def test_a_member_leaves_its_service_before_it_is_stopped_and_is_forgotten_after() -> None:
    target = MemoryTarget(primary=0)
    gone = Change(unit(2).id, "remove", "demo", member(2), Impact.NONE)
    step = Step(
        "remove/demo-2",
        "remove",
        "remove",
        "dc",
        "demo",
        (member(2),),
        (node(2),),
        (gone,),
        verb="leave",
    )
    assert start(target, (step,)).exit is Exit.DONE
    assert target.log == [f"leave {member(2)}", f"apply {node(2)}", f"forget {member(0)}"]


def test_what_is_done_is_written_down_in_order() -> None:
    target = MemoryTarget(primary=2)
    start(target, rolls(0, 1))
    kinds = [(record.kind, record.step, record.ended) for record in target.records]
    assert kinds == [
        ("begin", "", ""),
        ("step", f"member/{member(0)}", "done"),
        ("step", f"member/{member(1)}", "done"),
        ("end", "", "done"),
    ]


def test_a_run_s_records_come_after_those_that_it_has_seen_however_slow_the_clock() -> None:
    """Or a run of a slow machine would be older than the unfinished one that it ends."""
    target, seen = MemoryTarget(), time.time() + 600
    kept: list[Record] = []
    fences = {"dc": Fence(1, "me")}
    journal = Journal("r2", "me", {"dc": target}, fences, 2, kept.append, after=seen)
    assert run(context(target, rolls(0)), journal).exit is Exit.DONE
    assert all(record.at > seen for record in kept)
    theirs = Record("r1", "begin", seen, "ann", "apply", revision=1)
    assert unfinished([*kept, theirs]) is None


def test_locks_taken_before_one_is_refused_are_given_back() -> None:
    first, second = MemoryTarget("a"), MemoryTarget("b", fails={"lock"})
    with pytest.raises(OpsError), leased({"a": first, "b": second}, "me", Stop()):
        pass
    assert first.log == ["acquire", "release"]


def test_a_run_that_can_not_say_its_end_any_more_still_reports_what_it_did() -> None:
    report = start(MemoryTarget(fails={"end"}), rolls(1))
    assert (report.done, report.exit) == ((f"member/{member(1)}",), Exit.PARTLY)
    assert report.error is not None
    assert report.error.code == "hosts/fenced"


def test_what_a_place_shares_is_told_with_the_first_thing_that_needs_it() -> None:
    """Else the environment that brought a package would take it from the one beside it."""
    shared = replace(unit(0), id=ResourceId("package", node(0), "server"), member="")
    mine = replace(unit(0), needs=(shared.id,))
    goal = replace(context(MemoryTarget(), rolls(0)), resources={shared.id: shared, mine.id: mine})
    step = Step("b", "converge", "build", "dc", where=(node(0),), changes=(change(0),))
    (work,) = work_of(step, goal)
    assert work.write == (shared, mine)
