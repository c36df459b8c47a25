"""Seats: nobody moves, members spread, ports are shared within a service and with nobody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.errors import SpecError
from opsctl.model import ServiceBase
from opsctl.targets.hosts import Env, Host
from opsctl.targets.hosts.seating import seat
from opsctl.workload import Seat, SeatNeed

ENV = Env("shop", "shop")
Seats = Mapping[str, Sequence[Seat]]
ServiceBase.model_rebuild()


def hosts(count: int, racks: int = 3) -> dict[str, Host]:
    return {f"n{n}": Host(f"10.0.0.{n}", rack=f"r{n % racks}") for n in range(1, count + 1)}


def service(**more: Any) -> ServiceBase:
    return ServiceBase(engine="toy", on="dc", **more)


def need(count: int, group: str = "servers", **more: Any) -> SeatNeed:
    return SeatNeed(group, count, {"toy": 7000, "vote": 7001}, **more)


def places(seats: Seats) -> dict[str, str]:
    return {one.member: one.node for several in seats.values() for one in several}


counts = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(1, 4), min_size=1)


@given(counts, st.integers(4, 7), st.integers(1, 4), st.integers(0, 3))
def test_more_hosts_and_services_never_move_a_member(
    wanted: dict[str, int], size: int, racks: int, more: int
) -> None:
    services = {name: (service(), (need(count),)) for name, count in wanted.items()}
    first = seat(ENV, hosts(size, racks), services, {})
    grown = {**services, "z": (service(), (need(2),))}
    second = seat(ENV, hosts(size + more, racks), grown, first)
    assert places(first).items() <= places(second).items()
    for name, seats in first.items():
        assert tuple(second[name]) == seats


@given(counts, st.integers(4, 7), st.integers(1, 4))
def test_every_member_has_a_host_of_its_own_and_ports_nobody_else_has(
    wanted: dict[str, int], size: int, racks: int
) -> None:
    services = {name: (service(), (need(count),)) for name, count in wanted.items()}
    seats = seat(ENV, hosts(size, racks), services, {})
    for name, several in seats.items():
        assert [one.member for one in several] == [f"{name}-{n}" for n in range(wanted[name])]
        assert len({one.node for one in several}) == wanted[name]
        assert len({tuple(one.ports.items()) for one in several}) == 1
        zones = Counter(one.zone for one in several)
        known = Counter(host.rack for host in hosts(size, racks).values())
        free = [zones[rack] for rack, room in known.items() if zones[rack] < room]
        assert not free or max(zones.values()) - min(free) <= 1
    used = Counter(
        (one.node, number)
        for several in seats.values()
        for one in several
        for number in one.ports.values()
    )
    assert max(used.values()) == 1


@given(counts, st.integers(4, 7), st.integers(1, 3))
def test_fewer_members_are_the_first_ones_where_they_were(
    wanted: dict[str, int], size: int, fewer: int
) -> None:
    services = {name: (service(), (need(count),)) for name, count in wanted.items()}
    first = seat(ENV, hosts(size), services, {})
    less = {name: (service(), (need(max(1, count - fewer)),)) for name, count in wanted.items()}
    second = seat(ENV, hosts(size), less, first)
    for name, seats in second.items():
        assert tuple(seats) == tuple(first[name][: len(seats)])


def test_folders_are_told_apart_by_environment_service_and_member() -> None:
    found = seat(ENV, hosts(1), {"a": (service(), (need(1, path="/data"),))}, {})["a"][0]
    assert found.config_dir == "/etc/opsctl/shop/a/a-0"
    assert found.data_dir == "/data/shop/a/a-0"
    assert found.run_dir == "/run/opsctl/shop/a/a-0"


def test_a_second_group_s_members_bear_its_name() -> None:
    needs = (need(2), SeatNeed("arbiters", 1, {"vote": 7001}))
    found = seat(ENV, hosts(3), {"a": (service(), needs)}, {})["a"]
    assert [one.member for one in found] == ["a-0", "a-1", "a-arbiters-0"]
    assert found[2].node == "n3"


def test_two_services_whose_members_would_have_one_name_are_refused() -> None:
    needs = (need(1), SeatNeed("b", 1))
    services = {"a": (service(), needs), "a-b": (service(), (need(1),))}
    with pytest.raises(SpecError) as error:
        seat(ENV, hosts(3), services, {})
    assert error.value.code == "hosts/duplicate-member"


@pytest.mark.parametrize(
    ("place", "nodes"),
    [
        ({"hosts": ["n3", "n2"]}, {"n2", "n3"}),
        ({"labels": {"disk": "nvme"}}, {"n4", "n5"}),
        ({"count": 2}, {"n1", "n2"}),
    ],
)
def test_place_says_which_hosts(place: dict[str, Any], nodes: set[str]) -> None:
    known = hosts(5)
    for name in ("n4", "n5"):
        known[name] = Host(name, labels={"disk": "nvme"})
    seats = seat(ENV, known, {"a": (service(place=place), (need(2),))}, {})
    assert {one.node for one in seats["a"]} == nodes


def test_an_unknown_host_and_too_few_hosts_are_the_spec_s_fault() -> None:
    with pytest.raises(SpecError) as unknown:
        seat(ENV, hosts(3), {"a": (service(place={"hosts": ["n9"]}), (need(1),))}, {})
    assert unknown.value.code == "spec/unknown-host"
    assert "n1, n2, n3" in unknown.value.hint
    with pytest.raises(SpecError) as few:
        seat(ENV, hosts(2), {"a": (service(), (need(3),))}, {})
    assert few.value.code == "spec/too-few-hosts"
    assert int(few.value.exit) == 2


def test_a_fixed_port_that_another_service_has_on_the_host_is_refused() -> None:
    fixed = need(3, fixed=frozenset({"toy"}))
    services = {"a": (service(), (fixed,)), "b": (service(), (fixed,))}
    with pytest.raises(SpecError) as error:
        seat(ENV, hosts(3), services, {})
    assert error.value.code == "hosts/duplicate-port"


def test_a_fixed_port_comes_before_a_preferred_one_and_clashes_are_avoided_by_place() -> None:
    services = {
        "a": (service(), (need(3),)),
        "b": (service(), (need(3, fixed=frozenset({"toy"})),)),
    }
    seats = seat(ENV, hosts(3), services, {})
    assert {one.ports["toy"] for one in seats["b"]} == {7000}
    assert {one.ports["toy"] for one in seats["a"]} == {7001}
    fixed = need(1, fixed=frozenset({"toy", "vote"}))
    alone = {"a": (service(), (fixed,)), "b": (service(), (fixed,))}
    apart = seat(ENV, hosts(2), alone, {})
    assert apart["a"][0].node != apart["b"][0].node


def test_ports_of_a_service_that_left_the_spec_but_still_runs_are_not_given_away() -> None:
    first = seat(ENV, hosts(1), {"a": (service(), (need(1),))}, {})
    second = seat(ENV, hosts(1), {"b": (service(), (need(1),))}, first)
    assert set(second["b"][0].ports.values()).isdisjoint(first["a"][0].ports.values())


def test_a_member_whose_host_left_the_spec_gets_another() -> None:
    first = seat(ENV, hosts(3), {"a": (service(), (need(3),))}, {})
    fewer = {name: host for name, host in hosts(4).items() if name != "n2"}
    second = places(seat(ENV, fewer, {"a": (service(), (need(3),))}, first))
    gone = next(member for member, node in places(first).items() if node == "n2")
    assert second[gone] == "n4"


def test_data_is_never_moved_by_another_path() -> None:
    first = seat(ENV, hosts(1), {"a": (service(), (need(1),))}, {})
    with pytest.raises(SpecError) as error:
        seat(ENV, hosts(1), {"a": (service(), (need(1, path="/data"),))}, first)
    assert error.value.code == "hosts/data-path"


def everywhere(**place: Any) -> dict[str, Any]:
    wanted = SeatNeed("clock", 0, every=True)
    return {"time": (service(**({"place": place} if place else {})), (wanted,))}


@given(st.integers(1, 5), st.integers(0, 3))
def test_one_on_every_host_and_a_new_host_gets_one(size: int, more: int) -> None:
    first = seat(ENV, hosts(size), everywhere(), {})
    assert places(first) == {f"time-{n}": f"n{n + 1}" for n in range(size)}
    second = seat(ENV, hosts(size + more), everywhere(), first)
    assert places(first).items() <= places(second).items()
    assert sorted(places(second).values()) == sorted(hosts(size + more))


def test_a_host_that_leaves_the_place_loses_its_member_and_no_other_gets_its_name() -> None:
    first = seat(ENV, hosts(3), everywhere(hosts=["n1", "n2"]), {})
    second = seat(ENV, hosts(3), everywhere(hosts=["n1", "n3"]), first)
    assert places(second) == {"time-0": "n1", "time-2": "n3"}
    third = seat(ENV, hosts(3), everywhere(hosts=["n1", "n3"]), second)
    assert third == second


def test_nowhere_to_sit_is_refused() -> None:
    with pytest.raises(SpecError) as error:
        seat(ENV, hosts(2), everywhere(labels={"disk": "nvme"}), {})
    assert error.value.code == "spec/too-few-hosts"


@pytest.mark.parametrize(
    ("known", "systems", "assumed"),
    [
        ({}, (), "debian-13"),
        ({}, ("debian-12",), "debian-12"),
        ({"n1": "debian-12", "n2": "debian-12"}, (), "debian-12"),
        ({"n1": "debian-13"}, ("debian-12",), "debian-12"),
        ({"n1": "debian-12"}, ("debian-12", "debian-13"), "debian-12"),
    ],
)
def test_a_host_that_nobody_has_asked_is_taken_for_one_like_the_others_that_has_the_version(
    known: dict[str, str], systems: tuple[str, ...], assumed: str
) -> None:
    there = {name: replace(host, system=known.get(name, "")) for name, host in hosts(3).items()}
    wants = {"a": (service(), (need(3, systems=frozenset(systems)),))}
    found = {one.node: one.system for one in seat(ENV, there, wants, {})["a"]}
    assert found == {name: known.get(name, assumed) for name in there}
