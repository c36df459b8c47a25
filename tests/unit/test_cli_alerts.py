"""`opsctl alerts`: what the spec makes, what is true now, what is silenced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_world import Demo, World, make_world, wire
from running_world import workload

from opsctl.errors import Exit, OpsError
from opsctl.ports.alerts import Silence
from opsctl.ports.metrics import Series
from opsctl.wiring.alerting import if_any
from opsctl.workload import Signals, Workload

LABELS = {
    "alertname": "AlertmanagerDown",
    "environment": "shop",
    "service": "demo",
    "severity": "page",
    "member": "demo-0",
    "host": "n0",
}


class Now:
    """A Prometheus in which one alert fires."""

    def now(self, expr: str) -> tuple[Series, ...]:
        if expr == "ALERTS":
            return (Series({**LABELS, "alertstate": "firing"}, ((0.0, 1.0),)),)
        if expr == "ALERTS_FOR_STATE":
            return (Series(LABELS, ((0.0, 1_000.0),)),)
        return (Series({"alertname": "AlertmanagerDown"}, ((0.0, 3.0),)),)

    def values(self, label: str, among: str) -> tuple[str, ...]:
        return ("up", "alertmanager_alerts_invalid_total")


class Quiet:
    """An Alertmanager that keeps what it is told."""

    def __init__(self) -> None:
        self.kept: list[Silence] = []

    def there(self) -> tuple[Silence, ...]:
        return tuple(self.kept)

    def add(self, labels: dict[str, str], seconds: float, by: str, reason: str) -> str:
        self.kept.append(Silence("id-1", labels, 4e9, by, reason))
        return "id-1"

    def end(self, id: str) -> None:
        self.kept = [one for one in self.kept if one.id != id]


@contextmanager
def given(server: Any) -> Iterator[Any]:
    if isinstance(server, OpsError):
        raise server
    yield server


AWAY = OpsError("metrics/away", "Prometheus does not answer: ConnectTimeout")


@pytest.fixture
def quiet() -> Quiet:
    return Quiet()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: Quiet) -> World:
    def describe(self: Demo, name: str, service: Any, seats: Any, *_: Any) -> Workload:
        signals = Signals("alertmanager", (), {"members": 2})
        return replace(workload(len(seats)), signals=signals)

    monkeypatch.setattr(Demo, "describe", describe)
    made = make_world(tmp_path, monkeypatch)
    _serve(monkeypatch, made, Now(), quiet)
    return made


def _serve(monkeypatch: pytest.MonkeyPatch, world: World, metrics: Any, quiet: Quiet) -> None:
    wire(
        monkeypatch,
        parts=world.parts,
        if_any=if_any,
        prometheus=lambda parts, placed: given(metrics),
        alertmanager=lambda parts, placed: given(quiet),
    )


def listed(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    world.call("alerts", "list", "-o", "json", *words)
    return dict(json.loads(capsys.readouterr().out))


def test_every_alert_of_the_spec_is_listed_with_what_is_true_now(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    found = listed(world, capsys)
    assert found["live"] is True
    now = {one["alert"]: [live["state"] for live in one["now"]] for one in found["alerts"]}
    assert now["AlertmanagerDown"] == ["firing"]
    assert now["AlertmanagersDiffer"] == []


def test_those_that_fire_are_listed_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.call("alerts", "list", "--firing") == Exit.DONE
    shown = capsys.readouterr().out
    assert "AlertmanagerDown" in shown
    assert "(demo-0)" in shown
    assert "AlertmanagersDiffer" not in shown


def test_of_a_service_also_what_others_tell_of_it_is_listed_and_no_more(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, quiet: Quiet
) -> None:
    """A route's alert bears the name of the service that it leads to, wherever its rule is from."""
    labels = {"environment": "shop", "severity": "page", "alertname": "RouteUnreachable"}
    about = [{**labels, "service": name, "route": f"{name}-read"} for name in ("orders", "web")]

    class Others(Now):
        def now(self, expr: str) -> tuple[Series, ...]:
            firing = ({**labels, "alertstate": "firing"} for labels in about)
            return tuple(Series(labels, ((0.0, 1.0),)) for labels in firing)

    def describe(self: Demo, name: str, service: Any, seats: Any, *_: Any) -> Workload:
        signals = Signals("blackbox", (), {"members": 2}) if name == "demo" else None
        return replace(workload(len(seats)), service=name, signals=signals)

    monkeypatch.setattr(Demo, "describe", describe)
    _serve(monkeypatch, world, Others(), quiet)
    with (world.folder / "opsctl.yaml").open("a") as spec:
        spec.write("  orders: {engine: demo, on: dc, replicas: 3}\n")
    (only,) = listed(world, capsys, "--service", "orders")["alerts"]
    assert only["alert"] == "RouteUnreachable"
    assert [live["labels"]["service"] for live in only["now"]] == ["orders"]
    world.call("alerts", "list", "--firing")
    shown = capsys.readouterr().out
    assert "(orders-read)" in shown
    assert "(web-read)" in shown


def test_without_prometheus_the_specs_are_listed_and_why_there_is_no_more(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, quiet: Quiet
) -> None:
    _serve(monkeypatch, world, AWAY, quiet)
    assert world.call("alerts", "list") == Exit.DONE
    said = capsys.readouterr()
    assert "AlertmanagersDiffer" in said.out
    assert "without what is true now" in said.err
    assert world.call("alerts", "list", "--firing") == Exit.UNOBSERVED


def test_an_alert_that_the_spec_does_not_make_is_refused(world: World) -> None:
    assert world.call("alerts", "list", "Nonsense") == Exit.INPUT


def test_a_silence_is_made_with_who_and_why_then_listed_then_ended(
    world: World, capsys: pytest.CaptureFixture[str], quiet: Quiet
) -> None:
    words = ("AlertmanagerDown", "--label", "host=n0", "--for", "2h", "--reason", "new disk")
    assert world.call("alerts", "silence", *words) == Exit.DONE
    (kept,) = quiet.kept
    assert kept.labels == {"alertname": "AlertmanagerDown", "host": "n0", "environment": "shop"}
    assert (kept.by, kept.reason) == ("tester", "new disk")
    capsys.readouterr()
    world.call("alerts", "silence")
    assert "new disk" in capsys.readouterr().out
    world.call("alerts", "silence", "--end", "id-1")
    assert "nothing is silenced" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("AlertmanagerDown",),
        ("AlertmanagerDown", "--for", "2h"),
        ("--for", "2h", "--reason", "x"),
        ("AlertmanagerDown", "--for", "2h", "--reason", "x", "--end", "id"),
        ("Nonsense", "--for", "2h", "--reason", "x"),
        ("AlertmanagerDown", "--label", "host", "--for", "2h", "--reason", "x"),
    ],
)
def test_half_a_silence_is_refused(world: World, quiet: Quiet, words: tuple[str, ...]) -> None:
    assert world.call("alerts", "silence", *words) == Exit.INPUT
    assert quiet.kept == []


def test_lint_tells_what_the_server_does_not_have_and_how_often_alerts_fired(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("alerts", "lint", "-o", "json") == Exit.DIFFERS
    found = json.loads(capsys.readouterr().out)
    rules = {one["rule"] for one in found["flaws"]}
    assert "alertmanager_config_hash" in rules
    assert "alertmanager_cluster_members" not in rules  # not always sent
    assert "alertmanager_alerts_invalid_total" not in rules
    assert found["fired"] == {"AlertmanagerDown": 3.0}


def test_lint_asks_a_server_that_has_others_too_of_this_environment_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, quiet: Quiet
) -> None:
    asked: list[str] = []

    class Shared(Now):
        def now(self, expr: str) -> tuple[Series, ...]:
            asked.append(expr)
            return super().now(expr)

        def values(self, label: str, among: str) -> tuple[str, ...]:
            asked.append(among)
            return ("haproxy_backend_active_servers",) if label == "__name__" else ()

    def describe(self: Demo, name: str, service: Any, seats: Any, *_: Any) -> Workload:
        return replace(workload(len(seats)), signals=Signals("haproxy", (), {"members": 2}))

    monkeypatch.setattr(Demo, "describe", describe)
    _serve(monkeypatch, world, Shared(), quiet)
    world.call("alerts", "lint")
    assert len(asked) > 2
    selectors = [one for expr in asked for one in re.findall(r"\w*\{[^}]*\}|\bALERTS\b", expr)]
    assert all('environment="shop"' in one for one in selectors), selectors


def test_lint_finds_nothing_in_what_is_delivered(world: World) -> None:
    assert world.call("alerts", "lint", "--offline") == Exit.DONE


def test_alerts_of_a_service_that_the_spec_does_not_have_are_refused(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("alerts", "list", "--service", "dmeo") == Exit.INPUT
    assert 'did you mean "demo"?' in capsys.readouterr().err
    assert world.call("alerts", "list", "--service", "demo") == Exit.DONE
