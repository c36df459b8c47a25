"""Who tries routes all the time, which ones, and what it may touch there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_monitoring_services import HOSTS, described, file, spec

from opsctl.errors import OpsErrors
from opsctl.model import Environment
from opsctl.routes import ways
from routes_world import EDGE, SESSIONS
from routes_world import described as routed
from routes_world import environment as routes_of

PROMISED = {**SESSIONS, "slo": {"availability": 99.9, "latency": "50ms"}}
ROUTES = {
    "sessions": {"to": "sessions", "vip": "10.77.0.100"},
    "reads": {"to": "sessions", "role": "replica", "port": 6380},
}


def promised(**more: Any) -> Environment:
    return spec(services={"sessions": PROMISED}, routes=ROUTES, **more)


def told(environment: Environment) -> dict[str, Any]:
    text = file(described(environment)["probe-dc"], "probe.json")
    settings: dict[str, Any] = json.loads(text)
    return settings


def test_where_clients_are_promised_something_two_probes_come_with_monitoring() -> None:
    probe = promised().services["probe-dc"]
    assert (probe.engine, probe.replicas, probe.metrics) == ("probe", 2, True)


@pytest.mark.parametrize(
    "services",
    [
        {"sessions": SESSIONS},
        {"sessions": {**SESSIONS, "slo": {"rto": "10s"}}},
        {"sessions": {**PROMISED, "metrics": False}},
    ],
)
def test_where_nothing_was_promised_there_is_none(services: dict[str, Any]) -> None:
    assert "probe-dc" not in spec(services=services, routes=ROUTES).services


def test_without_a_route_there_is_none() -> None:
    assert "probe-dc" not in spec(services={"sessions": PROMISED}).services


def test_a_route_is_used_by_its_address_else_by_each_balancers() -> None:
    found = {one["route"]: one for one in told(promised())["ways"]}
    assert found["sessions"]["hosts"] == ["10.77.0.100"]
    assert found["reads"]["hosts"] == ["<balancer-dc-0>", "<balancer-dc-1>"]
    assert (found["sessions"]["port"], found["reads"]["port"]) == (6379, 6380)
    assert {one["to"] for one in found.values()} == {"sessions"}
    assert {one["latency"] for one in found.values()} == {0.05}


def test_a_primary_is_written_to_and_a_replica_only_read() -> None:
    found = {one["route"]: one for one in told(promised())["ways"]}
    assert [one["send"].split(" ")[0] for one in found["sessions"]["says"]] == [
        "AUTH",
        "SET",
        "GET",
    ]
    assert [one["send"].split(" ")[0] for one in found["reads"]["says"]] == ["AUTH", "GET"]


def test_what_is_written_stands_apart_and_goes_by_itself() -> None:
    from opsctl.engines.redis.users import PROBE, redis_accounts

    (route,) = [one for one in told(promised())["ways"] if one["route"] == "sessions"]
    assert route["says"][1]["send"] == "SET opsctl-probe:sessions:probe-dc-0 {new} EX 60\r\n"
    accounts = redis_accounts("sessions", (), sentinel=True, probed=True)
    (account,) = [one for one in accounts if one.name == PROBE]
    assert account.rules == "~opsctl-probe:* resetchannels -@all +auth +hello +ping +get +set"


def test_who_is_not_tried_lets_nobody_in_to_try() -> None:
    found = described(spec(services={"sessions": SESSIONS}, routes=ROUTES))
    assert all(entry.trial is None for entry in found["sessions"].entries)
    member = next(found["sessions"].members())
    texts = [f.text.masked(str) for part in member.components for f in part.files]
    assert not any("opsctl-probe" in text for text in texts)


def test_a_try_never_has_less_time_than_a_good_answer_may_take() -> None:
    slow = {**SESSIONS, "slo": {"availability": 99, "latency": "3s"}}
    found = told(spec(services={"sessions": slow}, routes=ROUTES))
    assert {one["seconds"] for one in found["ways"]} == {3.0}


def test_passwords_stand_in_its_own_file_alone() -> None:
    found = described(promised())
    member = next(found["probe-dc"].members())
    files = {one.path: one for part in member.components for one in part.files}
    secret = {path for path, one in files.items() if one.text.secrets}
    assert {path.rpartition("/")[2] for path in secret} == {"probe.json", "web.password"}
    assert all(files[path].mode == "0640" for path in secret)
    argv = member.components[0].command.argv
    assert not any("‹secret" in word for word in argv)


def test_services_of_other_targets_are_not_its_business() -> None:
    both = {"dc": HOSTS, "far": {"hosts": {"m1": {"address": "10.78.0.11"}}}}
    services = {"sessions": PROMISED, "away": {**PROMISED, "on": "far", "replicas": 1}}
    routes = {**ROUTES, "away": {"to": "away"}}
    environment = spec(targets=both, services=services, routes=routes)
    assert {one["route"] for one in told(environment)["ways"]} == {"sessions", "reads"}


def test_what_others_run_has_a_way_but_nobody_is_let_in_to_try() -> None:
    legacy = {"engine": "redis", "external": {"addresses": ["10.0.0.9:6379"]}}
    routes = {"old": {"to": "legacy", "via": "edge", "role": "any"}}
    environment = routes_of(routes, services={"legacy": legacy, "edge": EDGE})
    (way,) = ways(environment, "edge", routed(environment))
    assert (way.route, way.service, way.trial) == ("old", "legacy", None)


@pytest.mark.parametrize("interval", ["10ms", "10m"])
def test_an_interval_that_loads_or_blinds_is_refused(interval: str) -> None:
    own = {"sessions": PROMISED, "tries": {"engine": "probe", "on": "dc", "interval": interval}}
    with pytest.raises(OpsErrors, match="no good"):
        spec(services=own, routes=ROUTES)


def test_its_rules_look_at_its_tries_beside_what_balancers_say() -> None:
    from opsctl.monitoring.promises import promise

    environment = promised()
    found = promise(environment, "sessions", described(environment))
    assert found is not None
    assert found["tries"] == 'environment="shop", to="sessions"'
