"""Maintenance: what it stops, how it is said, and how a host ends it by itself."""

from __future__ import annotations

import getpass
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_world import Demo, World, make_world
from redis_world import described, file_of
from running_world import MemoryTarget, call, context, workload
from test_consent import plan, refusal

from opsctl.errors import Exit, OpsError
from opsctl.flow.consent import Consent, agree, not_held_since
from opsctl.planning.holding import loosened
from opsctl.planning.observation import Maintenance
from opsctl.planning.plan import Step
from opsctl.planning.resource import Impact
from opsctl.planning.saved import plan_from_json, plan_to_json
from opsctl.ports.alerts import Silence
from opsctl.running.context import Context
from opsctl.running.maintaining import maintain
from opsctl.running.silencing import silence
from opsctl.targets.hosts.bundle import playbooks
from opsctl.targets.hosts.maintaining import maintained
from opsctl.workload import Entry, Lane, Lead, Quiet, Timing

sys.path.insert(0, str(playbooks() / "module_utils"))
sys.path.insert(0, str(playbooks() / "files"))

import release
from opsctl_host import clock, maintenance, places

BUILT = {0: "new", 1: "new", 2: "new"}
HOLD = ("maintenance", "demo", "--for", "2h", "--reason", "new disks", "--yes")


@pytest.fixture(name="world")
def a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def test_a_plan_that_touches_what_is_held_is_refused_unless_that_was_said() -> None:
    held = replace(plan(Impact.NONE), held={"demo": "demo is in maintenance until noon"})
    error = refusal(held, Consent(yes=True))
    assert (error.code, error.exit) == ("run/maintenance", Exit.REFUSED)
    assert "until noon" in error.message
    agree(held, Consent(yes=True, during_maintenance=True))
    agree(replace(held, held={"other": "other is in maintenance"}), Consent(yes=True))


def test_a_saved_plan_keeps_what_is_held_and_one_without_it_is_read() -> None:
    held = replace(plan(Impact.NONE), held={"demo": "until noon"})
    data = json.loads(json.dumps(plan_to_json(held)))
    assert plan_from_json(json.dumps(data)).held == {"demo": "until noon"}
    del data["held"]
    assert plan_from_json(json.dumps(data)).held == {}


def test_a_held_service_is_not_compared_in_what_the_hold_changes() -> None:
    workloads = {"shop": ("dc", described())}
    (_, loose) = loosened(workloads, {"shop"})["shop"]
    (_, strict) = loosened(workloads, ())["shop"]

    def keys(workload: Any) -> set[str]:
        settings = [one for one in workload.objects if one.name == "sentinel"]
        return {key for one in settings for key in one.desired}

    assert keys(strict) - keys(loose) == {"down-after-milliseconds"}


def test_every_sentinel_is_held_by_a_script_of_its_own_and_without_sentinels_nothing_is() -> None:
    workload = described(3, failover="fast")
    assert [pin.member for pin in workload.hold.pins] == ["shop-0", "shop-1", "shop-2"]
    assert workload.hold.pins[0].release == ("sh", "/etc/opsctl/shop-0/hold.sh", "release")
    script = file_of(workload, "shop-0", "hold.sh")
    assert "hold) value=86400000" in script
    assert "release) value=1000" in script
    assert described(3, mode="replication").hold.pins == ()


def test_of_several_hosts_records_the_first_begin_and_the_last_end_count() -> None:
    def look(since: float, until: float) -> Mapping[str, Any]:
        entry = {"since": since, "until": until, "who": "me", "reason": "disks"}
        return {"maintenance": {"demo": entry}}

    found = maintained([look(2, 9), {"maintenance": {}}, look(1, 8)])
    assert found == {"demo": Maintenance("demo", 9, 1, "me", "disks")}


def test_it_is_a_plan_first_and_the_targets_are_told(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.content = dict(BUILT)
    assert world.call(*HOLD, "--dry-run") == Exit.DONE
    assert "hold demo for 2h" in capsys.readouterr().out
    assert world.target.log == []
    assert world.call(*HOLD) == Exit.DONE
    assert "hold demo for 7200 s: new disks" in world.target.log
    assert world.target.records[0].words == "maintenance of demo for 2h: new disks"


def test_a_place_that_did_not_take_it_is_named_and_the_exit_code_says_so(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.missed = {"dc/n2": "no answer"}
    assert world.call(*HOLD) == Exit.PARTLY
    assert "n2 is not held: no answer" in capsys.readouterr().out
    assert world.target.records[-1].ended == "done"


class Theirs:
    """An Alertmanager that keeps what it is told, by id."""

    def __init__(self) -> None:
        self.kept: dict[str, Silence] = {}
        self.made = 0

    def there(self) -> tuple[Silence, ...]:
        return tuple(self.kept.values())

    def add(self, labels: Mapping[str, str], seconds: float, by: str, reason: str) -> str:
        self.made += 1
        made = Silence(f"s{self.made}", labels, seconds, by, reason)
        self.kept[made.id] = made
        return made.id

    def end(self, id: str) -> None:
        del self.kept[id]


def quiet(seconds: float, who: str = "ops", *routes: str) -> Quiet:
    return Quiet("shop", "demo", seconds, who, "new disks" if seconds else "", routes)


def test_an_alertmanager_of_others_keeps_one_silence_of_ours_and_all_of_theirs() -> None:
    theirs, labels = Theirs(), {"environment": "shop", "service": "demo"}
    of_people = theirs.add(labels, 60.0, "ada", "let me sleep")
    of_another = theirs.add({**labels, "service": "x"}, 60.0, "opsctl maintenance of x by ops", "")
    elsewhere = theirs.add({**labels, "environment": "y"}, 60.0, f"{quiet(0).sign}ops", "")
    silence(theirs, quiet(600.0))
    silence(theirs, quiet(900.0, "eve"))
    (ours,) = list(theirs.kept.values())[3:]
    assert (ours.labels, ours.ends, ours.by, ours.reason) == (
        labels, 900.0, "opsctl maintenance of demo by eve", "new disks",
    )  # fmt: skip
    silence(theirs, quiet(0.0))
    assert list(theirs.kept) == [of_people, of_another, elsewhere]


def test_balancers_are_not_heard_of_its_routes_either_and_one_that_went_is_let_go_too() -> None:
    """What they tell has their own service's name, and the route's as `proxy`."""
    theirs = Theirs()
    silence(theirs, quiet(600.0, "ops", "web", "old"))
    assert [one.labels for one in theirs.there()] == [
        {"environment": "shop", "service": "demo"},
        {"environment": "shop", "proxy": "web"},
        {"environment": "shop", "proxy": "old"},
    ]
    silence(theirs, quiet(0.0, "ops", "web"))
    assert theirs.there() == ()


def test_it_is_told_by_the_command_at_the_begin_and_at_the_end(world: World) -> None:
    told: list[Quiet] = []
    world.silence = told.append
    world.target.content = dict(BUILT)
    assert world.call(*HOLD) == Exit.DONE
    assert world.call("maintenance", "demo", "--end", "--yes") == Exit.DONE
    assert told == [quiet(7200.0, "tester"), quiet(0.0, "tester")]


def test_who_tells_of_alerts_is_given_the_routes_to_the_service_and_no_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Entry("primary", "demo", 1, (), Timing(1, 1, 1, 1, 1))
    to = {"web": "demo", "web-ro": "demo", "other": "another"}
    leads = tuple(Lead(Lane(name, service, entry, 1), (), ()) for name, service in to.items())
    monkeypatch.setattr(
        Demo, "describe",
        lambda _self, _name, _service, seats, *_: replace(
            workload(len(seats)), leads=lambda _standings: leads
        ),
    )  # fmt: skip
    told: list[Quiet] = []
    world.silence = told.append
    world.target.content = dict(BUILT)
    assert world.call(*HOLD) == Exit.DONE
    assert [one.routes for one in told] == [("web", "web-ro")]


HOLD_STEP = Step(
    "hold/demo", "operate", "hold demo", target="dc", service="demo", verb="hold",
    arguments={"seconds": "60", "who": "ops", "reason": "new disks"},
)  # fmt: skip


def told_from_afar(there: MemoryTarget) -> Context:
    """The hold of a service that is watched from another target, which the run did not lock."""
    here = context(MemoryTarget(), (HOLD_STEP,))
    teller = replace(
        workload(1), service="alerts", silence=lambda _: (call("silence", 0, "silence"),)
    )
    return replace(
        here,
        workloads={**here.workloads, "alerts": ("far", teller)},
        targets={**here.targets, "far": there},
        watched_from={"dc": ("dc",), "far": ("far", "dc")}.__getitem__,
    )


def test_who_tells_of_its_alerts_from_another_target_is_told_without_a_lock_there() -> None:
    there = MemoryTarget("far")
    run = told_from_afar(there)
    maintain(HOLD_STEP, run)
    assert there.log == ["silence demo-0"]
    assert run.missed == []


def test_one_on_another_target_that_does_not_answer_is_named_and_the_service_is_held() -> None:
    there = MemoryTarget("far", away={0})
    run = told_from_afar(there)
    maintain(HOLD_STEP, run)
    (missed,) = run.missed
    assert "alerts of demo are told all the same: could not silence: demo-0" in missed
    assert run.targets["dc"].log == ["hold demo for 60 s: new disks"]  # type: ignore[attr-defined]


def test_one_on_another_target_that_hears_nothing_of_the_service_may_be_away() -> None:
    there = MemoryTarget("far", away={0})
    run = replace(told_from_afar(there), watched_from=lambda on: (on,))
    maintain(HOLD_STEP, run)
    assert run.missed == []


def test_one_that_is_away_is_named_with_what_to_do_and_the_service_is_held_all_the_same(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_: Quiet) -> None:
        place = "https://alerts.example"
        raise OpsError("alerts/away", "no answer", where=place, hint="look at the spec")

    world.silence = away
    world.target.content = dict(BUILT)
    assert world.call(*HOLD) == Exit.PARTLY
    said = "https://alerts.example: no answer (look at the spec)"
    assert f"alerts of demo are told all the same: [alerts/away] {said}" in _plain(capsys)
    assert world.target.held["demo"].reason == "new disks"
    assert world.target.records[-1].ended == "done"
    assert world.call("maintenance", "demo", "--end", "--yes") == Exit.PARTLY
    assert "alerts of demo stay silenced until its time is over" in _plain(capsys)


def _plain(capsys: pytest.CaptureFixture[str]) -> str:
    """What was shown, without its line breaks."""
    return " ".join(capsys.readouterr().out.split())


def test_status_says_it_first_and_apply_is_refused_until_its_end(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.call(*HOLD)
    capsys.readouterr()
    world.call("status")
    assert capsys.readouterr().out.startswith("demo is in maintenance: new disks\n")
    world.call("status", "-o", "json")
    assert json.loads(capsys.readouterr().out)["maintenance"][0]["reason"] == "new disks"
    assert world.call("plan") == Exit.REFUSED
    assert "held: demo is in maintenance until" in capsys.readouterr().out
    assert world.call("apply", "--yes") == Exit.REFUSED
    assert "error[run/maintenance]" in capsys.readouterr().err
    assert world.call("apply", "--yes", "--during-maintenance") == Exit.DONE
    assert world.call("maintenance", "demo", "--end", "--yes") == Exit.DONE
    capsys.readouterr()
    assert world.call("maintenance") == Exit.DONE
    assert capsys.readouterr().out == "shop: nothing is in maintenance\n"


@pytest.mark.parametrize(
    "words",
    [
        ("demo",),
        ("demo", "--for", "2h"),
        ("demo", "--for", "2h", "--end"),
        ("demo", "--for", "2", "--reason", "x"),
        ("demo", "--for", "5ms", "--reason", "x"),
        ("--for", "2h"),
    ],
)
def test_what_is_not_said_wholly_is_asked_for(world: World, words: tuple[str, ...]) -> None:
    assert world.call("maintenance", *words) == Exit.INPUT


# On the host.


@pytest.fixture(name="folder")
def a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's state folder; what the end leaves behind is noted instead of told to systemd."""
    monkeypatch.setattr(places, "ROOT", str(tmp_path))
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "demo.service").write_text(f"[Service]\nUser={getpass.getuser()}\n")
    monkeypatch.setattr(release, "UNITS", str(units))
    monkeypatch.setattr(release, "forget", lambda unit: (tmp_path / "forgotten").write_text(unit))
    folder = tmp_path / "var/lib/opsctl/shop"
    folder.mkdir(parents=True)
    return folder


def record(folder: Path, until: float, *argv: str, unit: str = "demo.service") -> None:
    call = {"member": "demo-0", "unit": unit, "hold": ["true"], "release": list(argv)}
    entry = {"until": until, "since": 1, "who": "me", "reason": "disks", "calls": [call]}
    (folder / "maintenance.json").write_text(json.dumps({"demo": entry}))


def test_a_record_counts_as_long_as_the_host_s_own_clock_says(folder: Path) -> None:
    record(folder, time.time() + 60, "true")
    assert maintenance.live("shop")["demo"]["reason"] == "disks"
    assert "calls" not in maintenance.live("shop")["demo"]
    record(folder, time.time() - 1, "true")
    assert maintenance.live("shop") == {}


def test_a_timer_that_comes_after_it_was_made_longer_ends_nothing(folder: Path) -> None:
    record(folder, time.time() + 60, "touch", str(folder / "released"))
    assert release.main(str(folder), "demo", "unit") == 0
    assert not (folder / "released").exists()
    assert maintenance.live("shop")


def test_the_end_lets_every_member_go_and_leaves_nothing(folder: Path) -> None:
    record(folder, time.time(), "touch", str(folder / "released"))
    assert release.main(str(folder), "demo", "unit") == 0
    assert (folder / "released").exists()
    assert not (folder / "maintenance.json").exists()
    assert (folder.parents[3] / "forgotten").read_text() == "unit"


def test_a_member_that_can_not_be_let_go_is_tried_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(folder, time.time(), "sh", "-c", "echo connection refused >&2; exit 1")
    assert release.main(str(folder), "demo", "unit") == 1
    assert capsys.readouterr().err == "demo-0: connection refused\n"
    assert (folder / "maintenance.json").exists()
    assert not (folder.parents[3] / "forgotten").exists()


def test_a_member_that_is_here_no_more_holds_nothing_up(folder: Path) -> None:
    record(folder, time.time(), "false", unit="gone.service")
    assert release.main(str(folder), "demo", "unit") == 0


def test_the_timer_is_real_and_comes_to_the_second_in_utc(folder: Path) -> None:
    text = maintenance.timer_text("shop", "demo", 1_795_258_692)
    assert "OnCalendar=2026-11-21 10:58:12 UTC\n" in text
    assert "Persistent=true\n" in text
    service = maintenance.service_text("shop", "demo")
    assert "Restart=on-failure\n" in service
    assert "WantedBy=multi-user.target\n" in service


def test_the_kernel_says_whether_its_clock_is_kept_or_is_not_asked() -> None:
    said = clock.kept()
    assert said is None or (isinstance(said["synced"], bool) and said["error"] >= 0)


def test_one_that_began_while_the_plan_was_read_is_found_under_the_lock() -> None:
    target = MemoryTarget(held={"demo": Maintenance("demo", 9, 1, "me", "disks")})
    with pytest.raises(OpsError) as caught:
        not_held_since(plan(Impact.NONE), [target])
    assert (caught.value.code, caught.value.exit) == ("run/maintenance", Exit.REFUSED)
    known = replace(plan(Impact.NONE), held={"demo": "known, and agreed to"})
    not_held_since(known, [target])
    not_held_since(plan(Impact.NONE), [MemoryTarget()])


def test_a_restart_that_was_asked_for_is_no_change_of_the_spec() -> None:
    (step,) = plan(Impact.NONE).steps
    asked = replace(step, changes=tuple(replace(one, verb="run") for one in step.changes))
    held = replace(plan(Impact.NONE), steps=(asked,), held={"demo": "until noon"})
    agree(held, Consent(yes=True))
