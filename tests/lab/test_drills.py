"""Every drill once, through the command: a result, an undo, and a service that is whole after."""

from __future__ import annotations

import ipaddress
import itertools
import json
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lab_site import Ended, Event, Site, await_until
from redis_client import await_whole, roles

from conftest import MakeSite
from opsctl.lab import Lab

# Each fault once is not steady enough yet for every run of the tests: `make soak`.
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300), pytest.mark.soak]

SPEC = """\
opsctl: 1
name: shop
drills: allowed
targets:
  dc: {{hosts: 'lab:{lab}'}}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: fast
    memory: 64MiB
    slo: {{rto: 30s, rpo: 5s}}
routes:
  sessions: {{to: sessions, vip: 10.77.255.250}}
"""
RUN = ("drill", "run")
AGREED = ("--yes", "--environment", "shop")
STAGES = ["strike", "detected", "elected", "moved", "switched", "served"]
# Shorter than usual where the length tells nothing more; pause-primary outlasts the failover.
FAULTS = {
    "primary-process": (),
    "primary-host": ("--for", "10s"),
    "primary-and-vip-host": ("--for", "10s"),
    "pause-primary": ("--for", "8s"),
    "isolate-primary": ("--for", "6s"),
    "isolate-minority": ("--for", "6s"),
    "one-way-cut": ("--for", "6s"),
    "balancer-host": ("--for", "10s"),
    "all-hosts": ("--for", "15s"),
    "disk-full": ("--for", "3s"),
    "switchover": (),
    "rolling-restart": (),
    "cpu": ("--for", "3s"),
    "loss": ("--for", "3s"),
    "pause": (),
    "background-save": (),
}
LOSSLESS = ("switchover", "rolling-restart", "background-save", "pause")
FAILOVERS = ("primary-host", "primary-and-vip-host", "pause-primary", "isolate-primary")


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    site = make_site("drills", spec=SPEC, data_mib=256)
    site.write(site.spec.replace("10.77.255.250", vip(site.lab)))
    site.apply()
    await_whole(site, "sessions")
    site.assert_converged()
    return site


def vip(lab: Lab) -> str:
    """An address of the lab's network that no host has."""
    return str(ipaddress.ip_address(lab.hosts[0].address) + 180)


def drill(site: Site, fault: str, *more: str) -> Ended:
    return site.run(*RUN, fault, *AGREED, "--output", "json", *more)


def assert_undone(site: Site) -> None:
    """Nothing of a drill is left on any host, and no process stands still."""
    look = (
        "nft list tables | grep opsctl_drill; "
        "systemctl list-timers --all --no-legend | grep opsctl-drill; "
        "systemctl list-units --all --no-legend 'opsctl-drill*'; "
        "find / -xdev -name 'opsctl-drill-fill' 2>/dev/null; find /data -name 'opsctl-drill-fill'; "
        "ps -eo stat=,args= | grep '^T.*redis-server' | grep -v grep; true"
    )
    for host in site.lab.hosts:
        assert site.shell(host.name, look) == ""


def assert_whole(site: Site) -> None:
    assert_undone(site)
    await_whole(site, "sessions")
    site.assert_converged()


def phases(report: dict[str, Any]) -> Sequence[str]:
    return [one["phase"] for one in report["stages"] if one["since_strike"] is not None]


def in_order(report: dict[str, Any]) -> bool:
    """As far as the clocks can tell. An operation is nothing that is detected first."""
    ordered = {"strike", "elected", "served"}
    if report["fault"] not in LOSSLESS:
        ordered.add("detected")
    seen = [
        one
        for one in report["stages"]
        if one["phase"] in ordered and one["since_strike"] is not None
    ]
    return all(
        before["since_strike"] <= after["since_strike"] + before["uncertainty"] + 0.05
        for before, after in itertools.pairwise(seen)
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_drill_measures_undoes_and_leaves_the_service_whole(site: Site, fault: str) -> None:
    ended = drill(site, fault, *FAULTS[fault])
    assert ended.exit in (0, 3), ended.out + ended.err
    report = ended.json()
    assert report["fault"] == fault
    assert report["verdict"]["result"] in ("passed", "failed")
    assert [one["phase"] for one in report["stages"]] == STAGES
    assert phases(report)[0] == "strike"
    assert in_order(report), report["stages"]
    if fault in FAILOVERS:
        assert {"detected", "elected", "switched", "served"} <= set(phases(report))
    fates = report["measurement"]["fates"]
    assert fates["acknowledged"] > 100
    assert fates["duplicated"] == 0
    assert fates["strangers"] == 0
    assert isinstance(fates["reordered"], int)
    if fault in LOSSLESS:
        assert fates["lost"] == 0
    if fault == "isolate-minority":  # nobody reaches through the cut
        assert report["measurement"]["served"] < 0.8
    # Whoever was primary before never takes a write once the route has led elsewhere.
    assert not report["lost_after_switch"]
    assert_whole(site)


def test_the_journal_has_the_verdict_in_one_line(site: Site) -> None:
    said = site.ok("history").out
    assert "drill switchover" in said
    assert "PASSED: clients were" in said


def test_a_report_is_there_for_people_programs_and_browsers(site: Site, tmp_path: Path) -> None:
    newest = site.ok("drill", "report", "--output", "json").json()
    assert site.ok("drill", "report", newest["drill"]).out.splitlines()[0].strip()
    said = site.ok("drill", "report", newest["drill"], "--output", "markdown").out
    assert said.startswith(f"# Drill {newest['fault']} on shop/sessions")
    page = tmp_path / "report.html"
    site.ok("drill", "report", newest["drill"], "--html", str(page))
    assert newest["drill"] in page.read_text()
    every = site.ok("drill", "report", "--all").out
    assert "switchover" in every
    assert "MEDIAN" in every


def test_repeated_runs_end_with_a_summary(site: Site) -> None:
    ended = drill(site, "pause", "--for", "300ms", "--runs", "2")
    assert ended.exit in (0, 3), ended.err
    said = ended.json()
    assert len(said["runs"]) == 2
    (summary,) = said["summary"]
    assert summary["runs"] == 2
    assert summary["worst"] >= summary["median"] > 0.2
    assert_whole(site)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("drills: allowed", "drills: refused", "drills/refused"),
        ("", "", "drills/unconfirmed"),
    ],
)
def test_what_the_spec_or_its_reader_does_not_allow_is_refused(
    site: Site, before: str, after: str, code: str
) -> None:
    usual = site.spec
    site.write(usual.replace(before, after) if before else usual)
    try:
        site.refused(4, code, *RUN, "pause", "--yes", "--environment", "shop" if before else "shap")
    finally:
        site.write(usual)


def test_without_a_route_there_is_no_client(site: Site) -> None:
    usual = site.spec
    site.write(usual.partition("routes:")[0])
    try:
        site.refused(4, "drills/no-route", *RUN, "pause", *AGREED)
    finally:
        site.write(usual)


def test_a_client_that_is_not_served_strikes_nothing(site: Site) -> None:
    units = {
        host.name: site.shell(
            host.name,
            "systemctl list-units --plain --no-legend 'opsctl-*haproxy@*' | cut -d' ' -f1",
        ).split()
        for host in site.lab.hosts
    }
    assert any(units.values())
    before = roles(site, "sessions")
    units = {host: names for host, names in units.items() if names}
    for host, names in units.items():
        site.shell(host, f"systemctl stop {' '.join(names)}")
    try:
        ended = drill(site, "primary-process")
        assert ended.exit == 1, ended.err
        assert "drills/not-ready" in ended.err
        assert "now, on" not in ended.err
    finally:
        for host, names in units.items():
            site.shell(host, f"systemctl start {' '.join(names)}")
    assert roles(site, "sessions") == before
    assert_whole(site)


def struck(event: Event) -> bool:
    return event["words"].startswith("now, on")


def test_a_drill_that_is_interrupted_undoes_its_fault_at_once(site: Site) -> None:
    running = site.begin(*RUN, "isolate-primary", *AGREED, "--for", "60s")
    running.until(struck)
    running.signal(signal.SIGTERM)
    assert running.end().exit == 130
    assert_whole(site)


def test_a_drill_that_is_killed_is_undone_by_the_hosts_and_keeps_others_out(site: Site) -> None:
    running = site.begin(*RUN, "pause-primary", *AGREED, "--for", "10s")
    running.until(struck)
    running.kill()
    try:
        refused = drill(site, "pause")
        assert refused.exit == 7, refused.err
        assert "lock/held" in refused.err
        await_until(lambda: clients(site), lambda found: not found, "the client to end", 30)
        await_until(lambda: undone(site), bool, "the hosts' own undo", 30)
    finally:
        site.ok("lock", "release", "--reason", "its holder was killed", "--yes")
    await_whole(site, "sessions")
    site.assert_converged()


def undone(site: Site) -> bool:
    try:
        assert_undone(site)
    except AssertionError:
        return False
    return True


def clients(site: Site) -> str:
    """Clients of drills that run on this machine, told by where they write."""
    address = vip(site.lab)
    said = subprocess.run(
        ["ss", "-Htn", "state", "established", "dst", address],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return said.stdout


def test_two_drills_at_once_are_one_too_many(site: Site) -> None:
    running = site.begin(*RUN, "pause", *AGREED, "--for", "3s")
    running.until(struck)
    refused = drill(site, "primary-process")
    assert refused.exit == 7, refused.err
    ended = running.end()
    assert ended.exit in (0, 3), ended.err
    assert json.loads(ended.out)["measurement"]["fates"]["lost"] >= 0
    assert_whole(site)
