"""What the spec may say of routes, and the balancers that are added where nobody wrote them."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.errors import OpsErrors
from opsctl.model import lint
from routes_world import EDGE, SESSIONS, environment

BOTH = {"sessions": SESSIONS, "edge": EDGE}


def codes(routes: dict[str, Any], services: dict[str, Any] | None = None, **more: Any) -> list[str]:
    with pytest.raises(OpsErrors) as raised:
        environment(routes, services, **more)
    return [error.code for error in raised.value.errors]


def test_a_route_goes_through_the_only_balancers_of_its_services_target() -> None:
    assert environment({"r": {"to": "sessions"}}).routes["r"].via == "edge"


def test_balancers_that_nobody_wrote_are_added_and_stay_out_of_the_document() -> None:
    quick = {**SESSIONS, "failover": "fast"}
    spec = environment({"r": {"to": "sessions"}}, {"sessions": quick, "other": SESSIONS})
    made = spec.services["balancer-dc"]
    assert (made.engine, made.on, made.replicas, made.failover) == ("haproxy", "dc", 2, "fast")
    assert spec.with_defaults()["services"]["balancer-dc"]["replicas"] == 2
    assert "balancer-dc" not in spec.document["services"]
    assert "via" not in spec.document["routes"]["r"]
    again = environment({"r": {"to": "sessions"}}, spec.document["services"])
    assert again.document == spec.document


def test_one_host_gets_one_added_balancer() -> None:
    one = {"dc": {"hosts": {"n1": {}}}}
    alone = {"sessions": {**SESSIONS, "replicas": 1}}
    spec = environment({"r": {"to": "sessions"}}, alone, targets=one)
    assert spec.services["balancer-dc"].replicas == 1


def test_a_persons_service_of_the_added_name_wins() -> None:
    mine = {"sessions": SESSIONS, "balancer-dc": {**EDGE, "replicas": 3}}
    spec = environment({"r": {"to": "sessions"}}, mine)
    assert spec.services["balancer-dc"].replicas == 3


def test_an_external_service_goes_through_the_only_target_there_is() -> None:
    legacy = {"legacy": {"engine": "redis", "external": {"addresses": ["10.0.0.9:6379"]}}}
    assert environment({"r": {"to": "legacy"}}, legacy).routes["r"].via == "balancer-dc"


def test_several_balancers_are_named_in_the_error() -> None:
    with pytest.raises(OpsErrors) as raised:
        environment({"r": {"to": "sessions"}}, {**BOTH, "edge2": EDGE})
    assert raised.value.errors[0].code == "spec/which-balancer"
    assert "edge or edge2" in raised.value.errors[0].message


@pytest.mark.parametrize(
    ("routes", "code"),
    [
        ({"r": {"to": "session"}}, "spec/unknown-service"),
        ({"r": {"to": "sessions", "via": "egde"}}, "spec/unknown-service"),
        ({"r": {"to": "sessions", "via": "sessions"}}, "spec/no-balancer"),
        ({"r": {"to": "edge"}}, "spec/value"),
        ({"r": {"to": "sessions", "vip": "127.0.0.1"}}, "spec/value"),
        ({"r": {"to": "sessions", "vip": {"address": "10.0.0.1", "interface": "e; rm"}}},
         "spec/value"),
        ({"r": {"to": "sessions", "max_lag": "5s"}}, "spec/value"),
        ({"a": {"to": "sessions"}, "b": {"to": "sessions", "role": "any"}}, "spec/duplicate-route"),
        ({"a": {"to": "sessions", "port": 7}, "b": {"to": "sessions", "port": 7}},
         "spec/duplicate-route"),
        ({"a": {"to": "sessions", "port": 7, "vip": "10.0.0.1"},
          "b": {"to": "sessions", "port": 7, "vip": "10.0.0.1/24"}}, "spec/duplicate-route"),
        ({"a": {"to": "sessions", "vip": {"address": "10.0.0.1", "vrid": 9}},
          "b": {"to": "sessions", "vip": {"address": "10.0.0.2", "vrid": 9}}},
         "spec/duplicate-vrid"),
        ({"a": {"to": "sessions", "vip": {"address": "10.0.0.1", "vrid": 9}},
          "b": {"to": "sessions", "port": 8, "vip": {"address": "10.0.0.1", "vrid": 8}}},
         "spec/duplicate-vip"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused(routes: dict[str, Any], code: str) -> None:
    assert codes(routes) == [code]


@pytest.mark.parametrize(
    ("services", "to"), [(BOTH, "edge"), ({"sessions": SESSIONS}, "balancer-dc")]
)
def test_a_route_to_a_balancer_is_told_where_routes_lead(services: dict[str, Any], to: str) -> None:
    with pytest.raises(OpsErrors) as raised:
        environment({"r": {"to": to}}, services)
    (error,) = raised.value.errors
    assert error.code == "spec/value"
    assert error.message == f"{to} is a balancer: nothing is behind it but its routes"
    assert error.hint == "to: sessions; balancers are named as via"


def test_one_address_belongs_to_one_pool() -> None:
    routes = {
        "a": {"to": "sessions", "via": "edge", "vip": "10.0.0.1"},
        "b": {"to": "sessions", "via": "edge2", "vip": "10.0.0.1", "port": 7},
    }
    assert codes(routes, {**BOTH, "edge2": EDGE}) == ["spec/duplicate-vip"]


def test_a_route_to_a_service_that_is_taken_down_is_refused() -> None:
    gone = {"sessions": {**SESSIONS, "state": "absent"}, "edge": EDGE}
    assert codes({"r": {"to": "sessions"}}, gone) == ["spec/absent-service"]


def test_routes_with_addresses_of_their_own_may_share_a_port() -> None:
    spec = environment(
        {"a": {"to": "sessions", "vip": "10.0.0.1"}, "b": {"to": "sessions", "vip": "10.0.0.2"}}
    )
    assert len(spec.routes) == 2


def test_a_floating_address_with_one_balancer_to_be_on_is_a_finding() -> None:
    alone = {"sessions": SESSIONS, "edge": {**EDGE, "replicas": 1}}
    spec = environment({"r": {"to": "sessions", "vip": "10.0.0.1"}}, alone)
    assert "lint/lone-balancer" in [finding.code for finding in lint(spec)]
    assert not [finding for finding in lint(environment({"r": {"to": "sessions"}}))
                if finding.keys[:2] == ("services", "edge")]  # fmt: skip
