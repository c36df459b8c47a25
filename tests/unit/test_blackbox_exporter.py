"""Who knocks at routes from outside, and where."""

from __future__ import annotations

from typing import Any

from test_monitoring_services import SESSIONS, described, file, spec

from opsctl.workload import Workload
from yaml_reading import read_yaml

ROUTES = {
    "sessions": {"to": "sessions", "vip": "10.77.0.100"},
    "reads": {"to": "sessions", "role": "replica", "port": 6380},
    "six": {"to": "sessions", "vip": "fd00::5"},
}


def knocks() -> list[dict[str, Any]]:
    """What Prometheus is told of the first member."""
    found: dict[str, Workload] = described(spec(routes=ROUTES))
    config = read_yaml(file(found["metrics-dc"], "prometheus.yml"))
    (job,) = [one for one in config["scrape_configs"] if one["job_name"] == "reach-dc/blackbox"]
    assert job["metrics_path"] == "/probe"
    assert job["basic_auth"]["username"] == "opsctl"
    everybody = [one["labels"] for one in job["static_configs"]]
    return [labels for labels in everybody if labels["member"] == "reach-dc-0"]


def test_where_routes_are_two_that_knock_come_with_monitoring() -> None:
    reach = spec(routes=ROUTES).services["reach-dc"]
    assert (reach.engine, reach.replicas) == ("blackbox-exporter", 2)
    assert "reach-dc" not in spec().services


def test_each_address_of_each_route_is_knocked_at() -> None:
    assert {(one["route"], one["__param_target"]) for one in knocks()} == {
        ("sessions", "10.77.0.100:6379"),
        ("reads", "<balancer-dc-0>:6380"),
        ("reads", "<balancer-dc-1>:6380"),
        ("six", "[fd00::5]:6379"),
    }
    assert {one["to"] for one in knocks()} == {"sessions"}


def test_a_person_who_wrote_one_gets_no_other() -> None:
    own = {"sessions": SESSIONS, "knock": {"engine": "blackbox-exporter", "on": "dc"}}
    assert "reach-dc" not in spec(services=own, routes=ROUTES).services
