"""Bad days of a service that runs: hosts that are lost, plans that are old, neighbours. Each is
refused or ended in plain words. The tests tell one story, in order."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from bad_world import (
    HOSTS,
    REDIS,
    SPEC,
    built,
    pid,
    traces,
)
from lab_site import Ended, Site
from redis_client import assert_written, await_whole

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    return make_site("bad-later", spec=SPEC, data_mib=64)


@pytest.fixture(scope="module")
def running(site: Site) -> Site:
    """Before anything bad happened."""
    return built(site)


def test_an_unreachable_host_is_named_the_others_are_shown_and_apply_wants_to_be_told(
    running: Site,
) -> None:
    running.edit("replicas: 3", "settings: {maxmemory-policy: allkeys-lru}\n    replicas: 3")
    running.lab.faults.kill("n3", for_=400)
    planned = running.run("plan")
    assert planned.exit == 6
    assert "error[hosts/unreachable] host dc/n3" in planned.out
    assert "opsctl apply --skip-unreachable" in planned.out
    assert {"change sessions-0", "change sessions-1"} <= words_of(planned)
    assert "change sessions-2" not in words_of(planned)
    ended = running.refused(6, "apply/unreachable", "apply", "--yes")
    assert "can't see dc/n3" in ended.err
    running.ok("apply", "--yes", "--skip-unreachable")
    running.lab.faults.start("n3")
    await_whole(running, "sessions")
    rest = running.plan()
    assert {step["title"] for step in rest["steps"] if step["kind"] == "roll"} == {
        "change sessions-2"
    }
    running.apply()
    running.assert_converged()


def words_of(ended: Ended) -> set[str]:
    return {line.split("   ")[0] for line in ended.out.splitlines()}


def test_a_stale_saved_plan_is_refused(running: Site) -> None:
    running.edit("allkeys-lru", "volatile-lru")
    running.ok("plan", "--out", "saved.json")
    running.edit("volatile-lru", "volatile-lfu")
    running.apply()
    ended = running.refused(4, "plan/stale", "apply", "saved.json")
    assert "make a new plan" in ended.err
    running.assert_converged()


def test_a_member_lost_during_a_rolling_change_stops_it_and_resume_ends_it(running: Site) -> None:
    before = {n: pid(running, f"n{n + 1}", REDIS.format(n)) for n in range(3)}
    running.edit("volatile-lfu", "volatile-lfu, databases: 8")
    applying = running.start("apply", "--yes", "--max-impact", "failover")
    first = await_first_member(applying)
    lost = next(n for n in (1, 2) if n != int(first[-1]))
    running.lab.faults.kill(f"n{lost + 1}", for_=400)
    out, err = applying.communicate(timeout=200)
    assert applying.returncode == 5, err
    assert f"sessions-{lost}" in err
    assert f"error[hosts/unreachable] host dc/n{lost + 1}" in err or "error[run/lost]" in err
    assert f"open: change sessions-{lost}" in out
    status = running.run("status")
    assert "An apply is unfinished" in status.out
    assert "apply --resume" in status.out
    running.lab.faults.start(f"n{lost + 1}")
    await_whole(running, "sessions")
    running.ok("apply", "--resume", "--yes", "--max-impact", "failover")
    running.assert_converged()
    assert_written(running, "sessions", 50)
    assert all(pid(running, f"n{n + 1}", REDIS.format(n)) != before[n] for n in before)


def await_first_member(applying: subprocess.Popen[str]) -> str:
    """The member that was changed first, as progress tells it."""
    assert applying.stderr is not None
    for line in applying.stderr:
        if line.startswith("done: change "):
            return line.split()[2]
    raise AssertionError("the apply ended before a member was changed")


def test_a_forgotten_overlay_removes_nothing(running: Site) -> None:
    running.file.with_name("overlay.yaml").write_text(
        "services: {extra: {engine: redis, on: dc, place: {hosts: [n2]}, memory: 32MiB}}\n"
    )
    both = ("-f", "opsctl.yaml", "-f", "overlay.yaml")
    running.ok("apply", "--yes", *both)
    unit = "opsctl-shop-extra-redis@extra-0.service"
    before = pid(running, "n2", unit)
    ended = running.ok("apply", "--yes")
    assert "nothing to change" in ended.out
    assert "left alone, not in the spec any more" in running.run("plan").out
    assert pid(running, "n2", unit) == before
    running.ok("destroy", "extra", "--yes", "--delete-data", "extra", *both)


def test_another_environment_of_the_same_name_and_a_renamed_one_are_refused(
    running: Site, tmp_path: Path
) -> None:
    before = traces(running)
    for code, change in (
        ("hosts/other-environment", ("name: shop", "name: shop\nid: shop-two")),
        ("hosts/renamed-environment", ("name: shop", "name: store\nid: shop")),
    ):
        other = Site(tmp_path / code.partition("/")[2], running.lab, running.spec.replace(*change))
        other.ok("secrets", "init")
        assert other.run("plan").exit == 4
        ended = other.refused(4, "apply/blocked", "apply", "--yes")
        assert f"[{code}] host dc/n1" in ended.err
    assert traces(running) == before


def test_two_environments_share_a_host_and_one_leaves_without_the_other_noticing(
    running: Site, tmp_path: Path
) -> None:
    depot = Site(
        tmp_path / "depot",
        running.lab,
        "opsctl: 1\nname: depot\ntargets:\n  dc: {hosts: 'lab:bad-later'}\nservices:\n"
        "  stock: {engine: redis, on: dc, port: 7379, sentinel_port: 27379, memory: 32MiB}\n",
    )
    depot.ok("secrets", "init")
    depot.apply()
    unit = "opsctl-depot-stock-redis@stock-0.service"
    (host,) = {name for name in HOSTS if unit in traces(running)[name]}
    sums = "find /etc/opsctl/depot /etc/systemd/system/opsctl-depot-* -type f | xargs sha256sum"
    before = (pid(running, host, unit), running.shell(host, sums))
    running.ok("destroy", "--yes", "--delete-data", "sessions")
    assert (pid(running, host, unit), running.shell(host, sums)) == before
    depot.assert_converged()
    assert not any("shop-sessions" in found for found in traces(running).values())
    depot.ok("destroy", "--yes", "--delete-data", "stock")
    assert not any("depot-stock" in found for found in traces(running).values())


def test_a_server_whose_data_mount_went_away_stays_down_and_writes_nothing_elsewhere(
    site: Site, tmp_path: Path
) -> None:
    keeper = Site(
        tmp_path / "keeper",
        site.lab,
        "opsctl: 1\nname: keeper\ntargets:\n  dc: {hosts: 'lab:bad-later'}\nservices:\n"
        "  kept: {engine: redis, on: dc, memory: 32MiB, place: {hosts: [n3]}, mode: replication,\n"
        "         port: 8379, storage: {path: /data/redis, require_mount: true}}\n",
    )
    keeper.ok("secrets", "init")
    keeper.apply()
    unit = "opsctl-keeper-kept-redis@kept-0.service"
    site.shell("n3", f"systemctl stop {unit} && umount /data && systemctl start {unit}; true")
    assert site.lab.exec("n3", ["systemctl", "is-active", unit]).returncode != 0
    assert site.on("n3", "ls", "-A", "/data") == ""
    planned = keeper.run("plan")
    assert planned.exit == 4
    assert "[hosts/mount-missing] host dc/n3" in planned.out
    assert "nothing is mounted at /data/redis" in planned.out
    ended = keeper.refused(4, "apply/blocked", "apply", "--yes", "--max-impact", "failover")
    assert "hosts/mount-missing" in ended.err
    assert site.on("n3", "ls", "-A", "/data") == ""
