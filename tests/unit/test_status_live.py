"""What is measured now, in `status`, and `status` again and again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_world import World, make_world

from dashboards_world import ByName, workloads
from opsctl.cli import status as command
from opsctl.cli.views.status import StatusView
from opsctl.errors import Exit, OpsError
from opsctl.flow.reading import Live, Reading, live
from opsctl.flow.watching import ServiceStatus, Status
from opsctl.ports.metrics import Series
from opsctl.wiring import boards

SERVICES = {"sessions": "redis", "hosts": "node"}


class Recorded:
    """A Prometheus that answers what it was told, else nothing."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers

    def now(self, expr: str) -> tuple[Series, ...]:
        for part, answer in self.answers.items():
            if part in expr:
                if isinstance(answer, OpsError):
                    raise answer
                return tuple(answer)
        return ()

    def over(self, expr: str, start: float, end: float, step: float) -> tuple[Series, ...]:
        raise NotImplementedError

    def values(self, label: str, among: str) -> tuple[str, ...]:
        raise NotImplementedError


def number(value: float, **labels: str) -> Series:
    return Series(labels, ((0.0, value),))


def measured(metrics: Any, patience: float = 20.0) -> Mapping[str, Live]:
    return live("shop", workloads(SERVICES), boards(), ByName(), metrics, patience)


def test_a_services_essential_numbers_are_read_with_what_their_thresholds_say() -> None:
    found = measured(
        Recorded(
            {
                "redis_memory_used_bytes": [number(0.9)],
                "redis_commands_processed_total": [number(1234.0)],
                "redis_connected_slave_lag_seconds": [number(float("nan"))],
            }
        )
    )
    assert found == {
        "sessions": Live(
            (
                Reading("Commands", 1234.0, "1.23 k ops/s", "plain"),
                Reading("Fullest member", 0.9, "90 %", "warn"),
            )
        )
    }


def test_firing_alerts_are_named_once_those_that_call_somebody_first() -> None:
    alerts = [
        number(1.0, service="sessions", alertname="RedisSlow", severity="ticket"),
        number(1.0, service="sessions", alertname="RedisDown", severity="page", member="s-0"),
        number(1.0, service="sessions", alertname="RedisDown", severity="page", member="s-1"),
    ]
    assert measured(Recorded({"ALERTS": alerts}))["sessions"].firing == ("RedisDown", "RedisSlow")


def test_an_alert_that_calls_nobody_is_nothing_that_is_wrong() -> None:
    """The dead-man alert fires always."""
    always = number(1.0, service="sessions", alertname="Watchdog", severity="none")
    assert measured(Recorded({"ALERTS": [always]})) == {}


def test_what_prometheus_refuses_is_left_out_without_a_word() -> None:
    refused = OpsError("metrics/refused", "parse error")
    assert measured(Recorded({"": refused})) == {}


@pytest.fixture
def silent() -> Iterator[Any]:
    """A Prometheus that answers about alerts and nothing else before the test is over."""
    over = threading.Event()

    class Silent(Recorded):
        def now(self, expr: str) -> tuple[Series, ...]:
            if "ALERTS" not in expr:
                over.wait(30)
            return ()

    yield Silent({})
    over.set()


def test_what_does_not_come_in_time_is_left_out(silent: Any) -> None:
    assert measured(silent, patience=0.05) == {}


def service(now: Live | None) -> Status:
    one = ServiceStatus("sessions", "redis", "dc", (), live=now)
    return Status("shop", (one,), (), (), (), None, None, 0)


def test_numbers_stand_below_the_members_and_alerts_below_them() -> None:
    readings = (
        Reading("Commands", 6.8, "6.8 ops/s", "plain"),
        Reading("Fullest member", 0.97, "97 %", "bad"),
    )
    lines = [
        line.plain for line in StatusView(service(Live(readings, ("RedisDown",))), 0.0).lines()
    ]
    assert "  commands 6.8 ops/s  fullest member 97 %" in lines
    assert "  1 alert firing: RedisDown" in lines


def test_programs_get_numbers_as_numbers_and_nothing_where_nobody_tells() -> None:
    data: Any = StatusView(service(Live((Reading("Commands", 6.8, "6.8 ops/s", "plain"),))), 0.0)
    (one,) = json.loads(json.dumps(data.data()))["services"]
    assert one["live"]["readings"][0]["value"] == 6.8
    (one,) = json.loads(json.dumps(StatusView(service(None), 0.0).data()))["services"]
    assert one["live"] is None


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


class Sleeps:
    """Counts them, and lets the third be interrupted as by Ctrl-C."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) == 3:
            raise KeyboardInterrupt


def test_watching_repeats_the_whole_block_where_there_is_no_terminal_until_ctrl_c(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeps = Sleeps()
    monkeypatch.setattr(command.time, "sleep", sleeps)
    assert world.call("status", "--watch", "--interval", "5") == Exit.INTERRUPTED
    out, err = capsys.readouterr()
    blocks = out.split("\n\nshop")
    assert len(blocks) == 3
    assert "\x1b" not in out
    assert err == ""
    assert all(0 <= seconds <= 5 for seconds in sleeps.seconds)


def test_watching_gives_programs_one_document_after_the_other(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command.time, "sleep", Sleeps())
    assert world.call("status", "--watch", "-o", "json") == Exit.INTERRUPTED
    reader, text = json.JSONDecoder(), capsys.readouterr().out
    names = []
    while text.strip():
        found, end = reader.raw_decode(text.lstrip())
        text = text.lstrip()[end:]
        names.append(found["environment"])
    assert names == ["shop"] * 3


def test_what_is_measured_reaches_status_through_the_parts(world: World) -> None:
    from opsctl.flow.watching import status

    parts = world.parts([world.folder / "opsctl.yaml"])
    told = Live((Reading("Commands", 1.0, "1 ops/s", "plain"),))
    known = replace(parts, measured=lambda workloads: dict.fromkeys(workloads, told))
    assert [one.live for one in status(known).services] == [told]
    assert [one.live for one in status(parts).services] == [None]
