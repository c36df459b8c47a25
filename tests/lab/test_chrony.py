"""chrony on real hosts: one serves its own clock, the others ask it. They share this machine's
clock and may not set it, so all of them measure only (control: false)."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from lab_site import Site, await_until, members

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]
SPEC = """\
opsctl: 1
name: shop
targets:
  dc: {{hosts: 'lab:{lab}'}}
services:
  source:
    engine: chrony
    on: dc
    place: {{hosts: [n1]}}
    local: 10
    serve: true
    allow: [10.0.0.0/8]
    control: false
  time: {{engine: chrony, on: dc, place: {{hosts: [n2]}}, servers: [SOURCE], control: false}}
"""


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    site = make_site("clocks", spec=SPEC, system="mixed")
    site.edit("SOURCE", site.lab.hosts[0].address)
    site.apply()
    return site


def clocks(site: Site, service: str = "time") -> dict[str, Mapping[str, Any]]:
    """By host: what its chronyd says of itself."""
    return {
        member["where"].partition("/")[2]: member["components"][0]
        for member in members(site.status(), service)
    }


def test_every_clock_is_right_and_says_from_whom(site: Site) -> None:
    source = site.lab.hosts[0].address
    (found,) = clocks(site).values()
    assert (found["ready"], found["role"]) == (True, "replica")
    assert found["details"]["source"] == source
    assert found["details"]["stratum"] == "11"
    assert float(found["details"]["offset"]) < 0.1
    (own,) = clocks(site, "source").values()
    assert own["details"]["source"] == "its own clock"
    site.assert_converged()


def test_it_runs_without_root_beside_nothing_of_the_packages_own(site: Site) -> None:
    show = ("systemctl", "show", "-P", "User", "opsctl-shop-time-chrony@time-0.service")
    assert site.on("n2", *show).strip() == "_chrony"
    assert site.shell("n2", "systemctl is-enabled chrony.service || true").strip() == "masked"
    assert site.shell("n2", "pgrep -c chronyd").strip() == "1"


def test_only_who_serves_listens_for_others(site: Site) -> None:
    ports = "ss -Hlun | awk '{print $4}' | grep -c ':123$' || true"
    assert [int(site.shell(host, ports)) > 0 for host in ("n1", "n2")] == [True, False]


def test_a_host_that_may_be_used_too_gets_one(site: Site) -> None:
    site.edit("place: {hosts: [n2]}", "place: {hosts: [n2, n3]}")
    site.apply()
    assert sorted(clocks(site)) == ["n2", "n3"]
    assert all(found["ready"] for found in clocks(site).values())
    site.assert_converged()


def test_a_source_that_does_not_answer_is_said_and_the_next_keeps_its_own(site: Site) -> None:
    source, nobody = site.lab.hosts[0].address, site.lab.gateway
    site.edit(f"servers: [{source}]", f"servers: [{nobody}], patience: 8s")
    stopped = site.run("apply", "--yes", "--max-impact", "restart")
    assert stopped.exit == 5, stopped.out + stopped.err
    assert f"none of its sources answers: {nobody}" in stopped.err
    assert sorted(found["ready"] for found in clocks(site).values()) == [False, True]
    site.edit(f"servers: [{nobody}]", f"servers: [{source}]")
    site.apply()  # who asks nobody goes first, who was not reached by the mistake is not touched
    await_until(
        lambda: clocks(site),
        lambda found: all(one["ready"] for one in found.values()),
        "every clock",
    )
    site.assert_converged()


def test_a_host_that_leaves_loses_its_own(site: Site) -> None:
    site.edit("place: {hosts: [n2, n3]}", "place: {hosts: [n3]}")
    site.ok("apply", "--yes", "--prune", "--max-impact", "failover")
    assert list(clocks(site)) == ["n3"]
    assert site.shell("n2", "pgrep -c chronyd || true").strip() == "0"
    site.assert_converged()


def test_whether_anybody_keeps_a_hosts_clock_is_said_as_its_kernel_says_it(site: Site) -> None:
    """A lab host may not ask its kernel: then nothing is said."""
    script = "import ctypes; print(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)))"
    argv = [*site.lab.ssh("n1"), f"python3 -c {shlex.quote(script)}"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    codes = [problem["code"] for problem in site.status()["problems"]]
    assert ("hosts/clock-unsynced" in codes) == (said == "5")  # TIME_ERROR
    assert "hosts/clock-skew" not in codes
