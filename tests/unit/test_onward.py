"""A run that was stopped names the command that goes on with it, which differs by verb."""

from __future__ import annotations

import pytest
from running_world import MemoryTarget
from test_running import context, rolls

from opsctl.errors import Exit
from opsctl.planning.plan import Plan, Step, StepKind
from opsctl.ports import Fence
from opsctl.running.context import Stop
from opsctl.running.journal import Journal
from opsctl.running.onward import onward, resumable
from opsctl.running.runner import run
from opsctl.running.verbs import RESTORE, TAKE, VERIFY


def plan(kind: StepKind, verb: str, title: str = "a verb", **arguments: str) -> Plan:
    step = Step("s", kind, "it", "dc", "demo", verb=verb, arguments=arguments)
    return Plan("test", {}, (step,), title=title)


@pytest.mark.parametrize(
    ("stopped", "command"),
    [
        (plan("operate", TAKE), "`opsctl backup take demo`"),
        (plan("operate", VERIFY, backup="b1", member="demo-0"),
         "`opsctl backup verify demo --backup b1`"),
        (plan("operate", RESTORE, backup="b1", member="demo-0"),
         "`opsctl restore demo --backup b1 --delete-data demo`"),
        (plan("operate", "hold", seconds="60"), "`opsctl maintenance demo --for ...`"),
        (plan("operate", "end-hold"), "`opsctl maintenance demo --end`"),
        (plan("operate", "switchover", to=""), "`opsctl switchover demo`"),
        (plan("operate", "failover", to="demo-1"), "`opsctl failover demo`"),
        (plan("drill", "pause"), "`opsctl drill run ...`"),
        (plan("roll", "", "restart demo"), "`opsctl restart ...`"),
        (plan("remove", "", "destroy shop"), "`opsctl destroy ...`"),
        (plan("roll", "", "scale demo to 5"), "`opsctl scale ...`"),
    ],
)  # fmt: skip
def test_a_verb_is_said_again(stopped: Plan, command: str) -> None:
    assert command in onward(stopped)
    assert "--resume" not in onward(stopped)
    assert not resumable(stopped)


@pytest.mark.parametrize("title", ["apply", "resume r1", "roll back to revision 3"])
def test_what_brings_things_to_a_spec_is_resumed(title: str) -> None:
    assert onward(plan("roll", "", title)) == "go on with `opsctl apply --resume`"


def test_a_stop_before_a_backup_does_not_speak_of_an_apply() -> None:
    stop, target = Stop(), MemoryTarget()
    stop.ask()
    taken = plan("operate", TAKE)
    fences = {"dc": Fence(1, "me")}
    journal = Journal("r1", "me", {"dc": target}, fences, 1, lambda record: None)
    report = run(context(target, taken.steps, stop), journal)
    assert report.exit is Exit.INTERRUPTED
    assert report.error is not None
    assert report.error.hint == "begin it again: `opsctl backup take demo`"
    again = run(context(target, rolls(0), stop), journal)
    assert again.error is not None
    assert again.error.hint == "go on with `opsctl apply --resume`"
