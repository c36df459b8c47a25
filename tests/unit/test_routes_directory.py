"""From routes to lanes and floating addresses."""

from __future__ import annotations

import pytest

from opsctl.errors import SpecError
from opsctl.routes import directory
from opsctl.routes.vips import router_ids
from routes_world import EDGE, SESSIONS, described, environment


def test_what_has_no_routes_has_no_lanes() -> None:
    spec = environment({"r": {"to": "sessions"}})
    assert directory(spec, "sessions", {}).lanes == ()


def test_a_lane_has_the_engines_port_where_none_is_written() -> None:
    spec = environment({"r": {"to": "sessions", "vip": "10.0.0.1/24", "max_connections": 7}})
    found = directory(spec, "edge", described(spec))
    (lane,), (vip,) = found.lanes, found.vips
    assert (lane.port, lane.address, lane.max_connections) == (6379, "10.0.0.1", 7)
    assert (vip.address, vip.prefix, vip.router_id) == ("10.0.0.1", 24, 1)


def test_addresses_are_spread_over_the_balancers() -> None:
    routes = {f"r{n}": {"to": "sessions", "vip": f"10.0.0.{n}"} for n in (1, 2, 3)}
    spec = environment(routes)
    assert [vip.first for vip in directory(spec, "edge", described(spec)).vips] == [0, 1, 0]


def test_router_ids_come_from_the_address_and_never_clash() -> None:
    routes = {
        "written": {"to": "sessions", "vip": {"address": "10.0.0.1", "vrid": 7}},
        "same": {"to": "sessions", "vip": "10.0.0.7"},
        "next": {"to": "sessions", "vip": "10.0.1.7"},
        "none": {"to": "sessions", "vip": "fd00::"},
        "last": {"to": "sessions", "vip": "10.0.0.255"},
    }
    ids = router_ids(environment(routes))
    assert ids["10.0.0.1"] == 7
    assert (ids["10.0.0.7"], ids["10.0.1.7"]) == (8, 9)
    assert (ids["10.0.0.255"], ids["fd00::"]) == (255, 1)
    assert len(set(ids.values())) == len(ids)


def test_more_addresses_than_ids_are_still_numbered() -> None:
    routes = {f"r{n}": {"to": "sessions", "vip": f"10.0.{n // 250}.{n % 250}"}
              for n in range(1, 256)}  # fmt: skip
    ids = router_ids(environment(routes))
    assert sorted(ids.values()) == list(range(1, 256))


def test_a_service_on_another_target_is_refused() -> None:
    far = {"hosts": {"m1": {}, "m2": {}, "m3": {}}}
    spec = environment(
        {"r": {"to": "sessions", "via": "edge"}},
        {"sessions": {**SESSIONS, "on": "far"}, "edge": EDGE},
        targets={"dc": {"hosts": {"n1": {}, "n2": {}}}, "far": far},
    )
    with pytest.raises(SpecError) as error:
        described(spec)
    assert (error.value.code, error.value.where) == ("route/other-target", "routes.r")


def test_lag_that_an_idle_primary_would_show_is_refused() -> None:
    for lag, hint in (("5s", "11s"), ("1500ms", "15s"), ("1h", "15s")):
        spec = environment({"r": {"to": "sessions", "role": "replica", "max_lag": lag}})
        with pytest.raises(SpecError) as error:
            described(spec)
        assert (error.value.code, error.value.where) == ("redis/lag", "routes.r.max_lag")
        assert hint in error.value.hint


def test_lag_may_be_shorter_where_the_primary_is_heard_of_more_often() -> None:
    often = {**SESSIONS, "settings": {"repl-ping-replica-period": 1}}
    spec = environment(
        {"r": {"to": "sessions", "role": "replica", "max_lag": "3s"}},
        {"sessions": often, "edge": EDGE},
    )
    (lane,) = directory(spec, "edge", described(spec)).lanes
    expected = "".join(str(part) for part in lane.entry.backends[0].check.says[-1].expect.parts)
    assert expected.endswith("master_last_io_seconds_ago:(0|1|2|3)\r\n")


def test_an_external_service_is_reached_by_its_literal_addresses() -> None:
    legacy = {"engine": "redis", "external": {"addresses": ["10.0.0.9:6380", "[fd00::9]:6379"]}}
    spec = environment({"r": {"to": "legacy", "role": "any"}}, {"legacy": legacy, "edge": EDGE})
    (lane,) = directory(spec, "edge", {}).lanes
    assert [(one.host.parts, one.port) for one in lane.entry.backends] == [
        (("10.0.0.9",), 6380),
        (("fd00::9",), 6379),
    ]
    assert lane.port == 6380
    assert lane.entry.backends[0].check.says == ()


@pytest.mark.parametrize("role", ["primary", "replica"])
def test_who_of_several_external_members_is_primary_can_not_be_known(role: str) -> None:
    legacy = {"engine": "redis", "external": {"addresses": ["a:1", "b:2"]}}
    spec = environment({"r": {"to": "legacy", "role": role}}, {"legacy": legacy, "edge": EDGE})
    with pytest.raises(SpecError) as error:
        directory(spec, "edge", {})
    assert error.value.code == "route/no-role"


def test_two_engines_whose_left_out_ports_are_the_same_are_found() -> None:
    services = {"sessions": SESSIONS, "more": {**SESSIONS, "engine": "valkey"}, "edge": EDGE}
    spec = environment({"a": {"to": "sessions"}, "b": {"to": "more"}}, services)
    with pytest.raises(SpecError) as error:
        described(spec)
    assert error.value.code == "route/same-port"
