"""Maintenance: nothing fails over and nothing is applied; the hosts end it by themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from lab_site import Site, await_until, members
from redis_client import await_whole, roles

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]
STALL = 5  # seconds that the primary is stopped; failover: fast replaces it after one
SHORT = 20  # seconds of a maintenance that is seen to be held, then to end by itself
HOLD = ("maintenance", "sessions", "--reason", "new disks", "--yes", "--for")
END = ("maintenance", "sessions", "--end", "--yes")


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    site = make_site("upkeep")
    site.apply()
    await_whole(site, "sessions")
    site.assert_converged()
    return site


def primary_of(site: Site) -> str:
    return next(name for name, role in roles(site, "sessions").items() if role == "primary")


def host_of(site: Site, member: str) -> str:
    seats = {one["name"]: one["where"] for one in members(site.status(), "sessions")}
    return str(seats[member]).partition("/")[2]


def patience(site: Site) -> list[str]:
    """What each Sentinel itself says of how long it bears silence, in milliseconds."""
    script = (
        "for auth in /etc/opsctl/shop/sessions/*/sentinel.auth; do"
        ' printf "AUTH opsctl %s\\nSENTINEL MASTER sessions\\n" "$(cat $auth)" |'
        " redis-cli -p 26379 | sed -n '/^down-after-milliseconds$/{n;p;}'; done"
    )
    return [site.shell(host.name, script).strip() for host in site.lab.hosts]


def left_over(site: Site) -> list[str]:
    """Whatever of a maintenance is still on a host."""
    script = (
        "ls /var/lib/opsctl/shop/maintenance.json /etc/systemd/system/opsctl-maintenance-* "
        "/etc/systemd/system/*.wants/opsctl-maintenance-* /var/lib/systemd/timers/*opsctl* "
        "2>/dev/null; systemctl list-units --all --plain --no-legend 'opsctl-maintenance-*'; true"
    )
    return [line for host in site.lab.hosts for line in site.shell(host.name, script).splitlines()]


def held(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.status()["maintenance"]
    return found


@contextmanager
def stalled(site: Site, member: str) -> Iterator[None]:
    """The server stands still meanwhile."""
    host, unit = host_of(site, member), f"opsctl-shop-sessions-redis@{member}.service"
    site.on(host, "systemctl", "kill", "-s", "STOP", unit)
    try:
        yield
    finally:
        site.on(host, "systemctl", "kill", "-s", "CONT", unit)


def test_a_held_service_keeps_its_primary_through_a_stall(site: Site) -> None:
    site.ok(*HOLD, "10m")
    assert patience(site) == ["86400000"] * 3
    before = primary_of(site)
    with stalled(site, before):
        time.sleep(STALL)
    assert await_whole(site, "sessions")[before] == "primary"


def test_status_says_it_first_and_the_list_says_it(site: Site) -> None:
    (one,) = held(site)
    assert (one["service"], one["reason"]) == ("sessions", "new disks")
    assert 0 < one["until"] - time.time() < 600
    first = site.run("status").out.splitlines()[0]
    assert "sessions is in maintenance: new disks" in first
    listed = json.loads(site.ok("maintenance", "--output", "json").out)
    assert [one["service"] for one in listed["maintenance"]] == ["sessions"]


def test_what_is_held_is_no_drift_and_is_not_applied(site: Site) -> None:
    plan = site.plan()
    assert plan["steps"] == []
    assert "new disks" in plan["held"]["sessions"]
    site.edit("memory: 64MiB", "memory: 65MiB")
    refused = site.refused(4, "run/maintenance", "apply", "--yes")
    assert "new disks" in refused.err
    assert "until" in refused.err
    site.ok("apply", "--yes", "--during-maintenance", "--max-impact", "failover")
    assert patience(site) == ["86400000"] * 3
    assert held(site)


def test_a_person_may_still_move_the_primary(site: Site) -> None:
    before = primary_of(site)
    site.ok("switchover", "sessions", "--yes")
    assert await_whole(site, "sessions")[before] == "replica"
    assert patience(site) == ["86400000"] * 3


def test_another_time_sets_a_new_end(site: Site) -> None:
    (before,) = held(site)
    site.ok(*HOLD, "20m")
    (after,) = held(site)
    assert after["until"] > before["until"] + 300
    assert after["since"] == before["since"]


def test_after_the_end_a_stall_is_a_failover_and_nothing_is_left(site: Site) -> None:
    site.ok(*END)
    assert held(site) == []
    assert patience(site) == ["1000"] * 3
    assert left_over(site) == []
    site.assert_converged()
    before = primary_of(site)
    with stalled(site, before):
        await_until(
            lambda: [name for name, role in roles(site, "sessions").items() if role == "primary"],
            lambda found: len(found) == 1 and found != [before],
            "a failover",
        )
    found = await_whole(site, "sessions")
    assert found[before] == "replica"
    assert site.ok(*END).exit == 0  # once more: there is nothing to end


def test_it_ends_by_itself_although_nobody_calls_opsctl(site: Site) -> None:
    site.ok(*HOLD, f"{SHORT}s")
    (one,) = held(site)
    assert patience(site) == ["86400000"] * 3
    await_until(lambda: patience(site), lambda found: found == ["1000"] * 3, "the timers")
    assert time.time() >= one["until"]
    assert await_until(lambda: left_over(site), lambda found: not found, "the units to go") == []
    site.assert_converged()


def test_a_host_that_is_off_at_the_end_is_told_of_and_keeps_its_own_end(site: Site) -> None:
    await_whole(site, "sessions")
    host = site.lab.hosts[2].name
    site.ok(*HOLD, "10m")
    site.lab.faults.kill(host, for_=300)
    try:
        ended = site.run(*END)
        assert ended.exit == 5, ended.out + ended.err
        assert f"{host} is not let go yet" in ended.out + ended.err
    finally:
        site.lab.faults.start(host)
    # Who is down is not let go, and its Sentinel may start after the host lets somebody in.
    await_until(lambda: patience(site), all, "every Sentinel to answer")
    # Its own record goes on, and status says so; another end reaches it too.
    assert [one["service"] for one in held(site)] == ["sessions"]
    site.ok(*END)
    assert held(site) == []
    assert patience(site) == ["1000"] * 3
    assert left_over(site) == []


def test_a_host_that_boots_after_the_end_lets_go_at_once(site: Site) -> None:
    host = site.lab.hosts[2].name
    await_whole(site, "sessions")
    site.ok(*HOLD, f"{SHORT}s")
    (one,) = held(site)
    site.lab.faults.kill(host, for_=300)
    await_until(time.time, lambda now: now > one["until"] + 1, "the end of the time")
    site.lab.faults.start(host)
    await_until(lambda: patience(site), lambda found: found == ["1000"] * 3, "the boot", 60)
    assert await_until(lambda: left_over(site), lambda found: not found, "the units to go") == []
