"""`firewall: manage` on real hosts: only members reach a port of theirs, now and after a boot."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hosts_lab import TTL, emptied
from lab_site import await_until
from small_service import different, need, service, target, workload, works

from conftest import MakeLab
from opsctl.lab import Lab
from opsctl.planning.resource import Resource
from opsctl.ports import Work
from opsctl.targets.hosts import HostsTarget
from opsctl.workload import Port, Workload

pytestmark = pytest.mark.lab
TABLE = "opsctl_shop_small"


@pytest.fixture(name="lab", scope="module")
def a_lab(make_lab: MakeLab) -> Lab:
    return make_lab("firewall", hosts=2)


@pytest.fixture(name="clean")
def a_clean_lab(lab: Lab) -> Iterator[Lab]:
    yield from emptied(lab)
    for host in lab.hosts:
        lab.exec(host.name, ["nft", "flush", "ruleset"])


def described(dc: HostsTarget) -> tuple[Workload, tuple[Resource, ...]]:
    """Two members whose port is for members only."""
    seats = dc.seat({"small": (service(), (need(2),))}, dc.recorded())["small"]
    made = workload(seats)
    members = []
    for member in made.groups[0].members:
        (part,) = member.components
        ports = (Port("cache", member.seat.ports["cache"], "members"),)
        members.append(replace(member, components=(replace(part, ports=ports),)))
    work = replace(made, groups=(replace(made.groups[0], members=tuple(members)),))
    return work, dc.realise((work,), {"small": service()})


def from_here(lab: Lab, host: int = 0) -> bool:
    """Whether this machine, which is no member, reaches the port."""
    try:
        socket.create_connection((lab.hosts[host].address, 11311), 1).close()
    except OSError:
        return False
    return True


def from_beside(lab: Lab) -> bool:
    ask = f"import socket; socket.create_connection(('{lab.hosts[0].address}', 11311), 3)"
    return lab.exec("n2", ["python3", "-c", ask]).returncode == 0


def kinds(dc: HostsTarget, resources: tuple[Resource, ...], work: Workload) -> list[str]:
    return [f"{one.id.kind} {one.id.where}" for one in different(dc, resources, work)]


def test_only_members_reach_their_port_and_what_is_gone_or_changed_is_seen_and_put_back(
    clean: Lab, tmp_path: Path
) -> None:
    open_ = target(clean, tmp_path / "open")
    work, resources = described(open_)
    fence = open_.acquire("a test", TTL)
    outcomes = open_.apply(works(resources), fence, lambda event: None)
    assert [outcome.error for outcome in outcomes.values()] == [None, None]
    await_until(lambda: from_here(clean), bool, "the port to be open")

    dc = target(clean, tmp_path, firewall="manage")
    work, resources = described(dc)
    for spoil in ("", "nft flush ruleset", f"nft add rule inet {TABLE} input tcp dport 1 drop"):
        if spoil:
            assert clean.exec("n1", ["sh", "-c", spoil]).returncode == 0
            assert kinds(dc, resources, work) == ["firewall dc/n1"]
        dc.apply(works(resources), fence, lambda event: None)
        assert kinds(dc, resources, work) == []
        assert not from_here(clean)
        assert from_beside(clean)

    gone = tuple(one.id for one in resources if one.id.kind == "firewall")
    away = [Work(one.where, remove=(one,)) for one in gone]
    assert all(one.error is None for one in dc.apply(away, fence, print).values())
    assert from_here(clean)
    assert TABLE not in clean.exec("n1", ["nft", "list", "tables"]).stdout
    left = clean.exec(
        "n1", ["sh", "-c", f"ls -d /etc/systemd/system/*{TABLE}* /etc/opsctl/*/*.nft"]
    )
    assert left.stdout == ""


def test_the_table_is_there_after_a_boot_and_after_others_load_theirs(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path, firewall="manage")
    work, resources = described(dc)
    fence = dc.acquire("a test", TTL)
    dc.apply(works(resources), fence, lambda event: None)
    clean.faults.kill("n1")
    clean.faults.start("n1")
    await_until(lambda: kinds(dc, resources, work), lambda left: left == [], "n1 to be as desired")
    assert not from_here(clean)
    # Its unit runs, as a look finds, a moment before it listens.
    await_until(lambda: from_beside(clean), bool, "the port after the boot")
    # Each flushes the ruleset; systemd passes on all but a start.
    assert clean.exec("n1", ["systemctl", "start", "nftables"]).returncode == 0
    assert kinds(dc, resources, work) == ["firewall dc/n1"]
    dc.apply(works(resources), fence, lambda event: None)
    for verb in ("reload", "restart"):
        assert clean.exec("n1", ["systemctl", verb, "nftables"]).returncode == 0
        await_until(
            lambda: from_here(clean), lambda reached: not reached, f"the table after {verb}"
        )
        await_until(lambda: kinds(dc, resources, work), lambda left: left == [], "its note")
