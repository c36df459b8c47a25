"""What every catalogue in alerts/ keeps to. promtool's own tests of them are in tests/lab."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from opsctl.data import catalogue, catalogues, trials
from opsctl.monitoring import Catalogue, parse
from opsctl.monitoring.catalogue import seconds
from opsctl.monitoring.linting import flaws

INTERVAL = 5.0  # seconds between two scrapes, where the spec says nothing

ALERTS = [(name, alert) for name in catalogues() for alert in catalogue(name).alerts]


def test_there_are_catalogues() -> None:
    assert {"redis", "haproxy", "node", "prometheus", "alertmanager", "slo"} <= set(catalogues())


@pytest.mark.parametrize("name", catalogues())
def test_no_rule_has_a_flaw(name: str) -> None:
    assert [f"{one.rule}: {one.words}" for one in flaws(name, catalogue(name), INTERVAL)] == []


def test_no_name_is_given_twice() -> None:
    counted = Counter(alert.alert for _, alert in ALERTS)
    assert [name for name, count in counted.items() if count > 1] == []


def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    for name, alert in ALERTS:
        cases = trials(name).alerts[alert.alert]
        assert cases.fires, alert.alert
        assert cases.quiet or alert.severity == "none", alert.alert


@pytest.mark.parametrize("name", catalogues())
def test_no_case_is_about_an_alert_that_is_gone(name: str) -> None:
    assert set(trials(name).alerts) <= {alert.alert for alert in catalogue(name).alerts}


@pytest.mark.parametrize("name", catalogues())
def test_what_a_service_recorded_is_read_as_its_own(name: str) -> None:
    """Another one of the environment may record the same, and two series of one rule that differ in
    the service alone are none that Prometheus takes."""
    found = catalogue(name)
    for rule in (*found.records, *found.alerts):
        chosen = re.findall(r"\b[a-z_]+(?::[a-z0-9_]+)+\{\{\{ (\w+) \}\}\}", rule.expr)
        assert set(chosen) <= {"selector"}, rule


def test_a_host_that_is_gone_is_told_before_what_was_on_it() -> None:
    """So that Alertmanager has what holds the others back."""
    holds = {alert.alert: seconds(alert.hold) for _, alert in ALERTS if "host" in alert.labels}
    away = {alert.alert for _, alert in ALERTS if re.search(r"\bup\{.*== 0", alert.expr, re.DOTALL)}
    later = {name for name, hold in holds.items() if name in away and hold > holds["HostDown"]}
    assert later == (away & set(holds)) - {"HostDown"}
    assert {"RedisDown", "BalancerDown", "PrometheusDown", "AlertmanagerDown"} <= later


def toy(expr: str, **more: object) -> Catalogue:
    alert = {
        "alert": "Toy", "expr": expr, "severity": "page", "summary": ".", "impact": ".",
        "evidence": ".", "action": ".", **more,
    }  # fmt: skip
    metric = {"type": "gauge", "unit": "1", "kind": "state", "job": "toy", "about": "."}
    return parse({"metrics": {"toy_up": {**metric, "labels": ["role"]}}, "alerts": [alert]})


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (toy("toy_down{{{ selector }}} == 0"), "no metric toy_down"),
        (toy('toy_up{{{ selector }}, rolle="x"}'), "no label rolle"),
        (toy("sum by (rolle) (toy_up)"), "groups by rolle"),
        (toy("toy_up", summary="{{ $labels.role }}"), "its texts say role"),
        (toy("toy_up", **{"for": "9s"}), "held for 9s"),
    ],
)
def test_a_rule_that_cannot_be_meant_so_is_told(found: Catalogue, words: str) -> None:
    (flaw,) = flaws("toy", found, INTERVAL)
    assert words in flaw.words
    assert flaw.keys == ("alerts", 0)


@pytest.mark.parametrize(
    "expr",
    [
        'sum by (role) (toy_up{{{ selector }}, role="x", member="y"}) > {{ members }}',
        'toy_up unless on (host) up{{{ in_environment }}, job="node"} == 0',
    ],
)
def test_a_rule_that_is_right_has_no_flaw(expr: str) -> None:
    assert list(flaws("toy", toy(expr), INTERVAL)) == []
