"""The table that lets only members reach their ports: what is in it, and on which hosts it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from test_hosts_realise import described, options, realised, target

from opsctl.targets.hosts.realise.firewall import rules
from opsctl.workload import Port, Workload
from toy import with_server

TABLE = "firewall opsctl_shop_sessions"


def inner(work: Workload, *ports: Port) -> Workload:
    """The workload with these ports alone."""
    made = with_server(work, ports=ports).groups[0]
    members = tuple(replace(one, components=one.components[:1]) for one in made.members)
    return replace(work, groups=(replace(made, members=members),))


def test_a_table_is_there_where_a_port_is_for_members_and_it_is_managed(tmp_path: Path) -> None:
    dc = target(tmp_path, firewall="manage")
    work = inner(described(dc), Port("client", 7000), Port("peer", 7001, "members"))
    made = realised(dc, work)
    assert "package nftables" in made
    text = made[TABLE].text
    match = "meta l4proto { tcp, udp } th dport { 7001 }"
    assert f"{match} ip saddr {{ 10.0.0.1, 10.0.0.2, 10.0.0.3 }} accept" in text
    assert text.count("drop") == 1
    assert f"{match} drop" in text
    assert "7000" not in text
    assert TABLE not in realised(target(tmp_path, firewall="check"), work)
    assert TABLE not in realised(dc, inner(work, Port("client", 7000)))


def test_another_host_or_port_is_a_change_of_it(tmp_path: Path) -> None:
    dc = target(tmp_path, firewall="manage")
    first = inner(described(dc), Port("peer", 7001, "members"))
    second = inner(described(dc), Port("peer", 7002, "members"))
    one, other = realised(dc, first)[TABLE], realised(dc, second)[TABLE]
    assert one.desired["rules"] != other.desired["rules"]
    (member, *_) = first.members()
    alone = replace(first, groups=(replace(first.groups[0], members=(member,)),))
    fewer = dc.realise((alone,), {"sessions": options()})
    (table,) = [found for found in fewer if found.id.kind == "firewall"]
    assert "saddr { 10.0.0.1 } accept" in table.text


def test_addresses_of_both_kinds_each_have_their_rule() -> None:
    text = rules("opsctl_a_b", [((7001, 7002), ("10.0.0.1", "fd00::1"))])
    assert text.startswith("table inet opsctl_a_b\ndelete table inet opsctl_a_b\ntable inet ")
    assert "th dport { 7001, 7002 } ip saddr { 10.0.0.1 } accept" in text
    assert "th dport { 7001, 7002 } ip6 saddr { fd00::1 } accept" in text


def test_ports_for_collectors_are_open_to_their_hosts_and_those_for_members_are_not() -> None:
    members, readers = ("10.0.0.1",), ("10.0.0.1", "10.0.0.9")
    text = rules("opsctl_a_b", [((7001,), members), ((9121,), readers), ((), readers)])
    assert "th dport { 7001 } ip saddr { 10.0.0.1 } accept" in text
    assert "th dport { 9121 } ip saddr { 10.0.0.1, 10.0.0.9 } accept" in text
    assert text.count("drop") == 2


def test_a_collector_that_others_run_is_let_in_where_collectors_are(tmp_path: Path) -> None:
    dc = target(tmp_path, firewall="manage", collectors=("10.9.0.5", "fd00::5"))
    work = inner(described(dc), Port("peer", 7001, "members"), Port("exporter", 9121, "collectors"))
    text = realised(dc, work)[TABLE].text
    assert "dport { 9121 } ip saddr { 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.9.0.5 } accept" in text
    assert "dport { 9121 } ip6 saddr { fd00::5 } accept" in text
    assert "dport { 7001 } ip saddr { 10.0.0.1, 10.0.0.2, 10.0.0.3 } accept" in text
