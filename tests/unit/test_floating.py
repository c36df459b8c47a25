"""Floating addresses: what a host sees of them, how it asks, and what is refused."""

from __future__ import annotations

import ipaddress
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import toy
from opsctl.targets.hosts.bundle import playbooks
from opsctl.targets.hosts.floating import Sights, questions
from opsctl.workload import Floating, Seat

sys.path.insert(0, str(playbooks() / "module_utils"))

from opsctl_host import floating, neighbours, places
from opsctl_host.host import Host

MINE, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"


def shown(name: str, mac: str, *addresses: str, kind: str = "ether") -> dict[str, Any]:
    """An interface as `ip -j addr` shows it."""
    found = [ipaddress.ip_interface(one) for one in addresses]
    about = [{"local": str(one.ip), "prefixlen": one.network.prefixlen} for one in found]
    return {"ifname": name, "link_type": kind, "address": mac, "addr_info": about}


LINKS = floating.links_of(
    json.dumps(
        [
            shown("lo", "00:00:00:00:00:00", "127.0.0.1/8", "::1/128", kind="loopback"),
            shown("eth0", MINE, "10.1.0.11/24", "10.1.0.60/32", "fd00::11/64"),
            {},
            shown("eth1", OTHER, "10.2.0.11/24", "10.2.0.61/24"),
        ]
    )
)


def place(address: str, interface: str = "", own: str = "10.1.0.11") -> dict[str, Any]:
    one = {"member": "lb-0", "address": address, "interface": interface, "own": own}
    return floating.place(LINKS, one)


@pytest.mark.parametrize(
    ("address", "interface", "own", "on", "inside", "held"),
    [
        ("10.1.0.50", "", "10.1.0.11", "eth0", True, ""),
        ("10.1.0.50", "eth0", "10.1.0.11", "eth0", True, ""),
        ("10.1.0.50", "eth9", "10.1.0.11", "", False, ""),
        ("10.2.0.50", "", "10.1.0.11", "eth0", False, ""),  # reached over the other network
        ("10.2.0.50", "eth1", "10.1.0.11", "eth1", True, ""),
        ("10.2.0.50", "", "203.0.113.9", "eth1", True, ""),  # behind address translation
        ("10.2.0.50", "", "127.0.0.1", "eth1", True, ""),
        ("10.1.0.60", "", "10.1.0.11", "eth0", True, "eth0"),
        ("10.2.0.61", "eth1", "10.1.0.11", "eth1", True, "eth1"),
        ("10.9.0.50", "", "203.0.113.9", "", False, ""),
        ("fd00:0:0::50", "", "10.1.0.11", "eth0", True, ""),
        ("fd01::50", "", "10.1.0.11", "eth0", False, ""),
    ],
)
def test_a_host_finds_the_interface_its_network_and_whether_it_has_the_address(
    address: str, interface: str, own: str, on: str, inside: bool, held: str
) -> None:
    found = place(address, interface, own)
    assert (found["interface"], found["inside"], found["held"]) == (on, inside, held)


def test_a_floating_address_that_is_there_is_not_told_as_a_network() -> None:
    found = place("10.9.0.50", "eth0")
    assert (found["networks"], found["inside"]) == (["10.1.0.0/24"], False)


def test_an_address_brings_no_network_of_its_own() -> None:
    links = floating.links_of(json.dumps([shown("eth0", MINE, "10.1.0.11/32", "10.9.0.9/24")]))
    one = {"member": "lb-0", "address": "10.9.0.9", "interface": "eth0", "own": "10.1.0.11"}
    assert floating.place(links, one)["inside"] is False


def test_a_probe_is_as_rfc_5227_has_it_and_only_the_address_s_owner_answers_it() -> None:
    mine, other = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
    target = bytes([10, 1, 0, 50])
    probe = neighbours.arp_probe(mine, target)
    assert probe == bytes.fromhex(
        "ffffffffffff 020000000001 0806 0001 0800 06 04 0001"
        "020000000001 00000000 000000000000 0a010032"
    )
    reply = probe[:20] + b"\x00\x02" + other + target + mine + bytes(4)
    assert neighbours.arp_sender(reply, target) == other
    assert neighbours.arp_sender(reply, bytes([10, 1, 0, 51])) == b""
    assert neighbours.arp_sender(probe, target) == b""  # somebody else who only asks
    assert neighbours.arp_sender(reply[:20], target) == b""


def test_a_solicitation_is_as_rfc_4862_has_it_and_its_checksum_is_right() -> None:
    mine, other = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
    target = ipaddress.ip_address("fd00::1:2:3").packed
    asked = neighbours.solicitation(mine, target)
    assert asked[:14] == bytes.fromhex("3333ff020003 020000000001 86dd")
    assert asked[22:38] == bytes(16)
    assert asked[38:54] == ipaddress.ip_address("ff02::1:ff02:3").packed
    whole = asked[22:54] + (24).to_bytes(4, "big") + (58).to_bytes(4, "big") + asked[54:]
    total = sum(int.from_bytes(whole[at : at + 2], "big") for at in range(0, len(whole), 2))
    assert total % 0xFFFF == 0
    said = asked[:6] + other + asked[12:54] + b"\x88" + asked[55:]
    assert neighbours.advertiser(said, target) == other
    assert neighbours.advertiser(asked, target) == b""
    assert neighbours.advertiser(said, ipaddress.ip_address("fd00::9").packed) == b""


@pytest.mark.parametrize(
    ("address", "service", "told"),
    [
        ("10.1.0.50", "lb", True),
        ("10.1.0.5", "lb", False),
        ("fd00:0::50", "lb", True),  # written otherwise
        ("10.1.0.51", "lb", False),
        ("10.1.0.50", "metrics", False),  # its file is not there yet
    ],
)
def test_a_service_has_an_address_by_right_once_its_files_name_it(
    address: str, service: str, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "ROOT", str(tmp_path))
    (tmp_path / "vrrp.conf").write_text("virtual_ipaddress {\n  10.1.0.50/32 dev eth0\n fd00::50}")
    host = Host({"name": "shop", "id": "shop"}, None, {})
    host.manifest.resources = {
        "file|dc/n1|/vrrp.conf": {"service": "lb"},
        "file|dc/n1|/none.conf": {"service": "metrics"},
        "unit|dc/n1|/vrrp.conf": {"service": "metrics"},
    }
    assert floating.told(host, {"service": service, "address": address}) is told


def seen(mac: str, member: str = "", address: str = "10.1.0.50", **more: Any) -> dict[str, Any]:
    """What a host says of the address."""
    base = {
        "member": member, "address": address, "named": "", "interface": "eth0" if member else "",
        "interfaces": ["eth0", "eth1"], "networks": ["10.1.0.0/24"], "inside": bool(member),
        "within": ["eth0"], "held": "", "told": False, "answered": "", "unasked": "",
    }  # fmt: skip
    return {"macs": [mac], "addresses": [{**base, **more}]}


def problems(*said: dict[str, Any], away: str = "") -> list[tuple[str, str, str, str]]:
    hosts = {f"n{number}": one for number, one in enumerate(said, start=1)}
    found = Sights("dc", hosts, {"10.1.0.50": away} if away else {}).problems()
    return [(one.where, one.error.code, one.severity, one.error.message) for one in found]


def test_a_free_address_is_no_problem() -> None:
    assert problems(seen("a", "lb-0"), seen("b", "lb-1"), seen("c")) == []


def test_an_address_that_one_of_our_members_has_by_right_is_no_problem() -> None:
    holder = seen("a", "lb-0", held="eth0", told=True)
    assert problems(holder, seen("b", "lb-1", answered="a")) == []
    assert problems(holder, seen("b", "lb-1", answered="a", told=True)) == []


def test_an_address_that_moves_during_the_look_is_no_problem() -> None:
    mover = seen("a", "lb-0", told=True)
    assert problems(mover, seen("b", "lb-1", told=True, answered="a")) == []


def test_a_host_that_its_member_leaves_may_still_have_the_address() -> None:
    leaving = seen("a", held="eth0", told=True)
    assert problems(leaving, seen("b", "lb-1", answered="a")) == []


def test_a_virtual_router_s_mac_is_on_several_hosts_and_one_by_right_is_enough() -> None:
    both = [seen("v", "lb-0"), seen("v", "lb-1", told=True, held="eth0")]
    assert problems(*both, seen("c", "lb-2", answered="v")) == []


def test_an_address_that_a_host_has_already_is_refused_in_the_same_words_everywhere() -> None:
    found = problems(seen("a", "lb-0", held="eth1"), seen("b", "lb-1", answered="a"))
    message = "10.1.0.50 is in use: n1 has it on eth1, and opsctl did not put it there"
    assert found == [
        ("dc/n1", "hosts/vip-taken", "error", message),
        ("dc/n2", "hosts/vip-taken", "error", message),
    ]


def test_who_answers_is_named_by_mac_and_by_host_where_it_is_one_of_ours() -> None:
    (found,) = problems(seen("a", "lb-0", answered="b"), {"macs": ["b"], "addresses": []})
    assert found[1:3] == ("hosts/vip-taken", "error")
    assert "n2 (b) answers" in found[3]
    (found,) = problems(seen("a", "lb-0", answered="x"), seen("b"))
    assert found[1:3] == ("hosts/vip-taken", "error")
    assert "x answers for it, no host of dc" in found[3]


def test_an_answer_that_may_come_from_a_host_that_is_away_is_a_warning() -> None:
    (found,) = problems(seen("a", "lb-0", answered="x"), away="n9")
    assert found[1:3] == ("hosts/vip-taken", "warning")
    assert "perhaps n9" in found[3]


def test_a_wrong_interface_a_wrong_network_and_an_interface_that_is_down_are_told() -> None:
    wrong = seen("a", "lb-0", named="eth7", interface="", inside=False)
    other = seen("a", "lb-0", inside=False, within=["eth1"])
    none = seen("a", "lb-0", inside=False, within=[], interface="")
    down = seen("a", "lb-0", unasked="eth0: Network is down")
    for said, code, severity, words in (
        (wrong, "hosts/vip-interface", "error", "no such interface it has eth0, eth1"),
        (other, "hosts/vip-outside", "error", "no network of eth0 (10.1.0.0/24) it is in one of"),
        (none, "hosts/vip-outside", "error", "none of its networks choose an address"),
        (down, "hosts/vip-unasked", "warning", "eth0: Network is down see to it"),
    ):
        (found,) = Sights("dc", {"n1": said}).problems()
        assert (found.error.code, found.severity) == (code, severity)
        assert words in f"{found.error.message} {found.error.hint}"
        assert int(found.error.exit) == 4


def test_every_host_is_asked_and_only_its_own_members_are_placed() -> None:
    seats = [Seat(f"sessions-{n}", "servers", f"n{n + 1}", "", "debian-13") for n in range(2)]
    work = toy.workload(seats)
    assert questions([work], "n1", lambda ref: "10.1.0.11") == []
    work = toy.with_server(work, floating=(Floating("10.1.0.50", "eth0"),))
    asked = {host: questions([work], host, lambda ref: ref.member) for host in ("n1", "n3")}
    away = {"service": "sessions", "address": "10.1.0.50", "member": "", "interface": "", "own": ""}
    here = {**away, "member": "sessions-0", "interface": "eth0", "own": "sessions-0"}
    assert asked == {"n1": [here, away], "n3": [away]}
