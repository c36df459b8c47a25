"""Rule files: one per service, with its labels and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from running_world import workload

from alert_world import watched
from opsctl.errors import OpsError
from opsctl.model import Environment, Route, ServiceBase, Slo
from opsctl.monitoring import Catalogue, parse, rule_files
from opsctl.monitoring.promises import PACES, promise
from opsctl.workload import Workload
from yaml_reading import read_yaml

ALERT = {
    "alert": "TooFew",
    "expr": "toy_up{{{ selector }}} < {{ members }}",
    "for": "15s",
    "severity": "page",
    "labels": ["member"],
    "summary": "{{ $labels.member }} of {{ service }}",
    "impact": "none",
    "evidence": "{{ $value }}",
    "action": "look",
}
RECORD = {
    "record": "toy:up",
    "expr": "sum(toy_up{{{ selector }}})",
    "unit": "1",
    "kind": "state",
    "about": "Up.",
}
SPEC = Environment(opsctl=1, name="prod")


def catalogue(*alerts: Mapping[str, Any]) -> Catalogue:
    return parse({"records": [RECORD], "alerts": list(alerts) or [ALERT]})


def service(name: str, **facts: float) -> dict[str, Workload]:
    return {name: watched(name, "toy", **facts)}


def rules(name: str, found: Catalogue, **facts: float) -> list[dict[str, Any]]:
    files = rule_files(SPEC, service(name, **facts), lambda _: found)
    return list(read_yaml(files[f"prod-{name}.yaml"])["groups"][0]["rules"])


def test_a_service_has_one_file_and_one_that_gives_no_metrics_has_none() -> None:
    workloads = service("shop", members=3) | {"still": workload()}
    files = rule_files(SPEC, workloads, lambda _: catalogue())
    assert list(files) == ["prod-shop.yaml"]


def test_expressions_get_the_services_labels_and_numbers() -> None:
    record, alert = rules("shop", catalogue(), members=3)
    assert record["expr"] == 'sum(toy_up{environment="prod", service="shop"})'
    assert alert["expr"] == 'toy_up{environment="prod", service="shop"} < 3'


def test_an_alert_says_whose_it_is_and_what_to_do_first() -> None:
    _, alert = rules("shop", catalogue(), members=3)
    assert alert["labels"] == {"severity": "page", "environment": "prod", "service": "shop"}
    assert alert["for"] == "15s"
    assert alert["annotations"] == {
        "summary": "{{ $labels.member }} of shop",
        "impact": "none",
        "evidence": "{{ $value }}",
        "action": "look",
        "runbook": "opsctl runbook show TooFew --label service=shop "
        "--label member={{ $labels.member }}",
        "dashboard": "/d/opsctl_prod_service_shop",
    }


def test_a_name_that_nobody_knows_is_an_error_that_names_the_rule() -> None:
    with pytest.raises(OpsError, match=r"monitoring/unknown-name.*toy.yaml, TooFew.*members"):
        rules("shop", catalogue())


@pytest.mark.parametrize("facts", [{}, {"vips": 0.0}])
def test_an_alert_about_what_a_service_has_not_is_left_out(facts: dict[str, float]) -> None:
    found = catalogue({**ALERT, "where": ["vips"]})
    assert [rule.get("alert") for rule in rules("shop", found, members=3, **facts)] == [None]
    assert len(rules("shop", found, members=3, vips=1)) == 2


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (0.25, "0.25"), (1e9, "1000000000"), (1e-7, "0.0000001")]
)
def test_numbers_are_written_out(value: float, text: str) -> None:
    _, alert = rules("shop", catalogue(), members=value)
    assert alert["expr"].endswith(f"< {text}")


def test_the_same_comes_out_whatever_the_order_of_services() -> None:
    one, other = service("a", members=1), service("b", members=2)
    make = [rule_files(SPEC, both, lambda _: catalogue()) for both in (one | other, other | one)]
    assert list(make[0].items()) == list(make[1].items())


@pytest.mark.parametrize(
    ("availability", "limits"),
    [
        (99.9, ["14.4 * (1 - 0.999)", "6 * (1 - 0.999)", "3 * (1 - 0.999)"]),
        (90, ["0.9", "6 * (1 - 0.9)", "3 * (1 - 0.9)"]),
        (50, ["0.9", "0.9", "0.9"]),
    ],
)
def test_an_outage_is_told_however_little_was_promised(
    availability: float, limits: list[str]
) -> None:
    spec = Environment(
        opsctl=1,
        name="prod",
        services={"shop": ServiceBase(engine="toy", on="dc", slo=Slo(availability=availability))},
        routes={"web": Route(to="shop", via="edge")},
    )
    found = promise(spec, "shop", service("edge"))
    assert found is not None
    assert [found[name] for name in PACES] == limits
