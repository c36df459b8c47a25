"""Floating addresses on real hosts: free, taken, in the wrong network, ours already."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from small_service import need, service, target, workload, works

from opsctl.lab import Lab
from opsctl.planning.observation import Problem
from opsctl.planning.resource import Resource
from opsctl.targets.hosts import HostsTarget
from opsctl.workload import ConfigFile, Floating, Text, Workload

pytestmark = pytest.mark.lab
LONG = "fd77::200"


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    lab = make_lab("floating", 3)
    for number, host in enumerate(lab.hosts, start=1):
        ip(lab, host.name, "add", f"fd77::1{number}/64")
    return lab


@pytest.fixture
def clean(lab: Lab) -> Iterator[Lab]:
    """The hosts, their additional addresses taken off again."""
    yield lab
    script = f"""
    ip addr del {vip(lab)}/32 dev host0 2>/dev/null
    ip addr del {LONG}/128 dev host0 2>/dev/null
    ip addr del 10.99.0.1/32 dev host0 2>/dev/null
    ip link del spare 2>/dev/null
    systemctl stop 'opsctl-*' 2>/dev/null
    rm -rf /etc/opsctl /var/lib/opsctl /etc/systemd/system/opsctl-* /run/opsctl
    rm -f /etc/systemd/system/multi-user.target.wants/opsctl-*; systemctl daemon-reload
    """
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda host: lab.exec(host.name, ["sh", "-c", script]), lab.hosts))


def ip(lab: Lab, host: str, verb: str, address: str, link: str = "host0") -> None:
    # "nodad": an IPv6 address answers at once.
    more = ["nodad"] if verb == "add" and ":" in address else []
    done = lab.exec(host, ["ip", "addr", verb, address, "dev", link, *more])
    assert done.returncode == 0, done.stderr


def vip(lab: Lab) -> str:
    """An address of the lab's network that no host has."""
    return str(ipaddress.ip_address(lab.hosts[0].address) + 189)


def mac(lab: Lab, host: str) -> str:
    return lab.exec(host, ["cat", "/sys/class/net/host0/address"]).stdout.strip()


def floating(dc: HostsTarget, address: str, interface: str = "") -> Workload:
    """The small service on two hosts; its members may get the address, and a file names it."""
    seats = dc.seat({"small": (service(), (need(2),))}, dc.recorded())
    work = workload(seats["small"])
    members = []
    for member in work.members():
        (part,) = member.components
        names = ConfigFile(f"{member.seat.config_dir}/vip.conf", Text((f"vip {address};\n",)))
        one = Floating(address, interface)
        part = replace(part, floating=(one,), files=(*part.files, names))
        members.append(replace(member, components=(part,)))
    return replace(work, groups=(replace(work.groups[0], members=tuple(members)),))


def resources_of(dc: HostsTarget, work: Workload) -> tuple[Resource, ...]:
    return dc.realise((work,), {"small": service()})


def problems(dc: HostsTarget, work: Workload) -> dict[str, Problem]:
    """By place, those about addresses; each is shown with exit code 4."""
    seen = dc.observe(resources_of(dc, work), (work,))
    assert not seen.unreachable
    found = [one for one in seen.problems if "/vip-" in one.error.code]
    assert all(int(one.error.exit) == 4 and one.error.hint for one in found)
    return {one.where: one for one in found}


def codes(found: dict[str, Problem]) -> dict[str, tuple[str, str]]:
    return {where: (one.error.code, one.severity) for where, one in found.items()}


TAKEN = ("hosts/vip-taken", "error")


@pytest.mark.parametrize("kind", [4, 6])
def test_a_free_address_is_no_problem_and_one_that_another_host_has_is(
    kind: int, clean: Lab, tmp_path: Path
) -> None:
    address = vip(clean) if kind == 4 else LONG
    dc = target(clean, tmp_path)
    work = floating(dc, address)
    assert problems(dc, work) == {}

    ip(clean, "n3", "add", f"{address}/{32 if kind == 4 else 128}")
    found = problems(dc, work)
    assert codes(found) == {"dc/n1": TAKEN, "dc/n2": TAKEN}
    assert "n3 has it on host0" in found["dc/n1"].error.message


def test_a_machine_that_is_no_host_of_the_target_is_named_by_its_mac(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    del dc.hosts["n3"]
    ip(clean, "n3", "add", f"{vip(clean)}/32")
    found = problems(dc, floating(dc, vip(clean)))
    assert codes(found) == {"dc/n1": TAKEN, "dc/n2": TAKEN}
    assert f"{mac(clean, 'n3')} answers for it" in found["dc/n1"].error.message


def test_an_address_that_a_member_s_own_host_has_already_is_refused(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    ip(clean, "n2", "add", f"{vip(clean)}/32")
    found = problems(dc, floating(dc, vip(clean)))
    assert codes(found) == {"dc/n1": TAKEN, "dc/n2": TAKEN}
    assert {one.error.message for one in found.values()} == {
        f"{vip(clean)} is in use: n2 has it on host0, and opsctl did not put it there"
    }


def test_an_address_outside_the_network_and_an_interface_that_is_not_there_are_refused(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    found = problems(dc, floating(dc, "10.99.0.1"))
    assert codes(found) == dict.fromkeys(("dc/n1", "dc/n2"), ("hosts/vip-outside", "error"))
    found = problems(dc, floating(dc, vip(clean), "eth7"))
    assert codes(found) == dict.fromkeys(("dc/n1", "dc/n2"), ("hosts/vip-interface", "error"))
    assert found["dc/n1"].error.hint == "it has host0"
    assert problems(dc, floating(dc, vip(clean), "host0")) == {}


def test_an_interface_that_is_down_can_t_be_asked_on_and_that_is_told(
    clean: Lab, tmp_path: Path
) -> None:
    for host in ("n1", "n2"):
        clean.exec(host, ["ip", "link", "add", "spare", "type", "bridge"])
        ip(clean, host, "add", "10.99.0.9/24", "spare")
    dc = target(clean, tmp_path)
    found = problems(dc, floating(dc, "10.99.0.1", "spare"))
    assert codes(found) == dict.fromkeys(("dc/n1", "dc/n2"), ("hosts/vip-unasked", "warning"))
    assert "Network is down" in found["dc/n1"].error.message


def test_an_address_that_opsctl_brought_stays_fine_wherever_it_is_and_a_new_one_is_checked(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    work = floating(dc, vip(clean))
    fence = dc.acquire("a test", 300.0)
    outcomes = dc.apply(works(resources_of(dc, work)), fence, lambda event: None)
    assert [outcome.error for outcome in outcomes.values()] == [None, None]
    assert problems(dc, work) == {}
    for host in ("n1", "n2"):
        ip(clean, host, "add", f"{vip(clean)}/32")
        assert problems(dc, work) == {}
        clean.exec(host, ["systemctl", "stop", "opsctl-*"])  # as one that was killed
        assert problems(dc, work) == {}
        ip(clean, host, "del", f"{vip(clean)}/32")

    ip(clean, "n3", "add", f"{vip(clean)}/32")
    assert codes(problems(dc, work)) == {"dc/n1": TAKEN, "dc/n2": TAKEN}
    ip(clean, "n1", "add", "10.99.0.1/32")
    assert codes(problems(dc, floating(dc, "10.99.0.1")))["dc/n1"] == TAKEN
