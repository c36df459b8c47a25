"""Backups of Redis with Sentinel and of Valkey without it: made by the timer, checked, put back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
import redis
from lab_site import Site, await_until, members
from redis_client import assert_written, await_whole, password, primary, roles, write
from secret_watch import Needles, Watch

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
PORT = 6390
SPEC = f"""\
opsctl: 1
name: shop
targets:
  dc: {{{{hosts: 'lab:{{lab}}'}}}}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: fast
    memory: 64MiB
    backup: {{{{schedule: '* * * * *', keep: 1h, after: [sh, -c, 'cp "$OPSCTL_BACKUP" away']}}}}
  jobs:
    engine: valkey
    on: dc
    mode: replication
    replicas: 2
    port: {PORT}
    memory: 64MiB
    persistence: rdb
    backup: {{{{schedule: '0 3 * * *', path: /srv/backup}}}}
"""
FOLDER = "/var/lib/opsctl-backup/shop/sessions"


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    site = make_site("backup", spec=SPEC)
    site.apply()
    site.assert_converged()
    return site


def kept(site: Site, service: str) -> Any:
    return site.ok("backup", "list", service, "--output", "json").json()[0]


def backups(site: Site, service: str) -> list[Mapping[str, Any]]:
    return list(kept(site, service)["backups"])


def host_of(site: Site, service: str, member: str) -> str:
    seats = {item["name"]: item["where"] for item in members(site.status(), service)}
    return str(seats[member]).partition("/")[2]


def client(site: Site, service: str, user: str) -> redis.Redis:
    """Of the primary itself, for Sentinel names that of one service alone."""
    (name,) = [name for name, role in roles(site, service).items() if role == "primary"]
    (found,) = [one["address"] for one in members(site.status(), service) if one["name"] == name]
    return redis.Redis(
        host=found,
        port=PORT if service == "jobs" else 6379,
        username=user,
        password=password(site, f"{service}/user/{user}"),
        decode_responses=True,
    )


def flush(site: Site, service: str) -> None:
    """Somebody deletes everything."""
    assert client(site, service, "opsctl").flushall()


def test_the_timer_makes_backups_and_one_replica_alone_makes_them(site: Site) -> None:
    write(site, "sessions", 500)
    found = await_until(
        lambda: [one for one in backups(site, "sessions") if one["keys"] >= 500],
        lambda found: len(found) > 0,
        "a scheduled backup",
        seconds=150,
    )
    newest = found[0]
    assert newest["kind"] == "scheduled"
    assert newest["role"] == "replica"
    replicas = sorted(name for name, role in roles(site, "sessions").items() if role == "replica")
    assert newest["member"] == newest["on"] == replicas[0]
    # Those of before: while the first apply built it, the primary was alone for a moment.
    made = {one["member"] for one in backups(site, "sessions") if one["keys"] >= 500}
    assert made == {replicas[0]}
    shelf = kept(site, "sessions")["schedule"][replicas[0]]
    assert shelf["success"]
    assert not shelf["error"]
    assert "sessions" in site.ok("backup", "list").out


def test_the_command_after_it_is_given_the_file_as_the_services_user(site: Site) -> None:
    (one, *_) = backups(site, "sessions")
    away = f"{FOLDER}/{one['on']}/away"
    host = host_of(site, "sessions", one["on"])
    assert site.on(host, "stat", "-c", "%U", away).strip() == "redis"
    assert int(site.on(host, "stat", "-c", "%s", away)) > 100
    modes = site.shell(host, f"stat -c '%a %U' {FOLDER}/{one['on']} {FOLDER}/{one['on']}/*.rdb")
    assert set(modes.splitlines()) == {"700 redis", "600 redis"}


def test_a_good_backup_is_verified_and_that_is_noted(site: Site) -> None:
    (newest, *_) = backups(site, "sessions")
    site.ok("backup", "verify", "sessions", "--backup", newest["name"], "--yes")
    (again,) = [one for one in backups(site, "sessions") if one["name"] == newest["name"]]
    assert again["verified"] > time.time() - 60
    host = host_of(site, "sessions", newest["on"])
    await_until(  # a scheduled one may be made just now
        lambda: site.shell(host, f"ls -A {FOLDER}/{newest['on']}"),
        lambda files: ".work" not in files,
        "nothing to be left of it",
    )


def test_a_damaged_backup_is_refused_and_never_meant_by_latest(site: Site) -> None:
    site.ok("backup", "take", "sessions", "--yes")
    damaged = next(one for one in backups(site, "sessions") if one["kind"] == "asked")
    host = host_of(site, "sessions", damaged["on"])
    path = f"{FOLDER}/{damaged['on']}/{damaged['name']}.rdb"
    site.shell(host, f"printf XX | dd of={path} bs=1 seek=300 conv=notrunc")
    refused = site.run("backup", "verify", "sessions", "--backup", damaged["name"], "--yes")
    assert refused.exit == 1
    assert "damaged" in refused.err
    (again,) = [one for one in backups(site, "sessions") if one["name"] == damaged["name"]]
    assert again["damage"]
    shown = site.run("restore", "sessions", "--backup", "latest", "--dry-run").out
    assert "restore sessions from" in shown
    assert damaged["name"] not in shown


def test_what_is_too_old_goes_but_the_newest_good_one_stays(site: Site) -> None:
    (newest, *_) = [one for one in backups(site, "sessions") if not one["damage"]]
    host, folder = host_of(site, "sessions", newest["on"]), f"{FOLDER}/{newest['on']}"
    for stamp in ("20200101T000000Z", "20200102T000000Z"):
        site.shell(
            host,
            f"cd {folder} && cp -p {newest['name']}.rdb {stamp}-{newest['member']}.rdb && "
            f"sed 's/{newest['name']}/{stamp}-{newest['member']}/' {newest['name']}.json "
            f">{stamp}-{newest['member']}.json && chown redis: {stamp}*",
        )
    site.on(host, "systemctl", "start", f"opsctl-shop-sessions-redis-backup@{newest['on']}.service")
    left = {one["name"] for one in backups(site, "sessions")}
    assert newest["name"] in left
    assert not {name for name in left if name.startswith("2020")}
    # One that is not due for the schedule has nothing but an old one: it keeps it.
    other = next(n for n, role in roles(site, "sessions").items() if role == "primary")
    host = host_of(site, "sessions", other)
    name = f"20200101T000000Z-{other}"
    about = {"name": name, "member": other, "time": 1577836800, "bytes": 5, "damage": ""}
    site.on(host, "tee", f"{FOLDER}/{other}/{name}.json", text=json.dumps(about))
    site.shell(host, f"cd {FOLDER}/{other} && echo REDIS >{name}.rdb && chown redis: {name}.*")
    site.on(host, "systemctl", "start", f"opsctl-shop-sessions-redis-backup@{other}.service")
    assert f"20200101T000000Z-{other}" in {one["name"] for one in backups(site, "sessions")}
    site.shell(host, f"rm {FOLDER}/{other}/2020*")


def test_without_its_services_name_a_restore_is_refused(site: Site) -> None:
    site.refused(4, "apply/blocked", "restore", "sessions", "--backup", "latest", "--yes")
    site.refused(4, "backup/unknown", "restore", "sessions", "--backup", "nothing", "--yes")
    assert_written(site, "sessions", 500)


def test_after_everything_was_deleted_a_restore_brings_it_back_everywhere(site: Site) -> None:
    good = next(one for one in backups(site, "sessions") if one["keys"] >= 500)
    flush(site, "sessions")
    primary(site, "sessions").set("after", "the mistake")
    secrets = {
        name: password(site, f"sessions/user/{name}") for name in ("opsctl", "opsctl-replica")
    }
    with Watch(Needles(secrets)) as watch:
        site.ok(
            "restore", "sessions", "--backup", good["name"],
            "--delete-data", "sessions", "--yes",
        )  # fmt: skip
    assert watch.found == set()
    assert_written(site, "sessions", 500)
    assert primary(site, "sessions").get("after") is None
    found = await_whole(site, "sessions")
    assert found[good["on"]] == "primary"
    site.assert_converged()
    kinds = [one["kind"] for one in backups(site, "sessions")]
    assert "before-restore" in kinds


def test_what_was_restored_outlives_a_crash_of_every_server_at_once(site: Site) -> None:
    for host in site.lab.hosts:
        units = "opsctl-shop-sessions-redis@*.service"
        site.on(host.name, "systemctl", "kill", "-s", "KILL", units)
    await_whole(site, "sessions", seconds=90)
    await_until(
        lambda: primary(site, "sessions").get("key:499"), lambda value: value == "499", "data"
    )
    assert_written(site, "sessions", 500)


@pytest.mark.soak
def test_a_restore_that_was_killed_in_the_middle_gets_to_its_end(site: Site) -> None:
    write(site, "sessions", 500)  # it may run alone
    site.ok("backup", "take", "sessions", "--yes")
    good = next(one for one in backups(site, "sessions") if one["keys"] >= 500)
    flush(site, "sessions")
    words = ("restore", "sessions", "--backup", good["name"], "--delete-data", "sessions", "--yes")
    running = site.begin(*words)
    running.until(lambda event: "in the place of" in event["words"])
    running.kill()
    # The worst moment: Sentinel is held, and the server copies from somebody who is gone.
    host, folder = host_of(site, "sessions", good["on"]), f"{FOLDER}/{good['on']}"
    site.shell(host, f"flock {folder}/.lock true")
    site.ok("connect", f"sessions/{good['on']}", "--", "REPLICAOF", "127.0.0.1", "9")
    assert "primary" not in roles(site, "sessions").values()
    site.once_free(*words)
    assert_written(site, "sessions", 500)
    await_whole(site, "sessions")
    site.assert_converged()


def test_without_sentinel_too_a_restore_brings_it_back(site: Site) -> None:
    client(site, "jobs", "app").mset({f"number:{each}": each for each in range(50)})
    site.ok("backup", "take", "jobs", "--yes")
    (one,) = backups(site, "jobs")
    assert one["keys"] >= 50
    site.on(host_of(site, "jobs", one["on"]), "ls", f"/srv/backup/shop/jobs/{one['on']}")
    site.ok("backup", "verify", "jobs", "--yes")
    flush(site, "jobs")
    site.ok("restore", "jobs", "--backup", "latest", "--delete-data", "jobs", "--yes")
    assert client(site, "jobs", "app").get("number:49") == "49"
    assert await_whole(site, "jobs", members=2)[one["on"]] == "primary"
    site.assert_converged()


def test_other_times_reach_the_timers_and_restart_nobody(site: Site) -> None:
    member = backups(site, "jobs")[0]["on"] if backups(site, "jobs") else "jobs-0"
    host, unit = host_of(site, "jobs", member), f"opsctl-shop-jobs-redis@{member}.service"
    before = site.on(host, "systemctl", "show", "-P", "MainPID", unit)
    site.edit("0 3 * * *", "30 4 * * *")
    site.ok("apply", "--yes", "--max-impact", "none")
    timer = f"opsctl-shop-jobs-redis-backup@{member}.timer"
    assert "04:30:00" in site.on(host, "systemctl", "show", "-P", "TimersCalendar", timer)
    assert site.on(host, "systemctl", "show", "-P", "MainPID", unit) == before
    site.on(host, "systemctl", "stop", timer)
    assert site.run("plan", "--exit-code").exit == 3
    site.apply()
    site.assert_converged()


def test_backups_outlive_their_service_and_its_timers_do_not(site: Site) -> None:
    site.ok("destroy", "jobs", "--delete-data", "jobs", "--yes", "--max-impact", "failover")
    there = {host.name: site.shell(host.name, "ls -R /srv/backup || :") for host in site.lab.hosts}
    assert any(".rdb" in text for text in there.values())
    for host in site.lab.hosts:
        timers = site.on(host.name, "systemctl", "list-timers", "--all", "--no-pager", "--plain")
        assert "opsctl-shop-jobs" not in timers
        assert "opsctl-shop-sessions" in timers
