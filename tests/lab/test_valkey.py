"""Valkey with Sentinel and Redis without it, side by side; and a console on them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis
from lab_site import Ended, Site, await_until, members
from redis_client import assert_written, await_whole, password, roles, write

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]
PORT = 6390
SPEC = f"""\
opsctl: 1
name: pair
targets:
  dc: {{{{hosts: 'lab:{{lab}}'}}}}
services:
  cache: {{{{engine: valkey, on: dc, replicas: 3, failover: fast, memory: 64MiB}}}}
  jobs:
    engine: redis
    on: dc
    mode: replication
    replicas: 3
    port: {PORT}
    memory: 64MiB
"""


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    site = make_site("valkey", spec=SPEC)
    site.apply()
    return site


def primary_of(site: Site, service: str) -> str:
    return next(name for name, role in roles(site, service).items() if role == "primary")


def host_of(site: Site, service: str, member: str) -> str:
    seats = {item["name"]: item["where"] for item in members(site.status(), service)}
    return str(seats[member]).partition("/")[2]


def systemctl(site: Site, service: str, member: str, *words: str) -> str:
    unit = f"opsctl-pair-{service}-redis@{member}.service"
    return site.on(host_of(site, service, member), "systemctl", *words, unit)


def direct(site: Site, member: str) -> redis.Redis:
    """A client of one member of jobs: without Sentinel nobody says where the primary is."""
    (address,) = [
        item["address"] for item in members(site.status(), "jobs") if item["name"] == member
    ]
    secret = password(site, "jobs/user/app")
    return redis.Redis(
        host=address, port=PORT, username="app", password=secret, decode_responses=True
    )


def numbers(site: Site, member: str) -> list[Any]:
    return direct(site, member).mget([f"number:{each}" for each in range(50)])


def test_valkey_and_redis_are_built_side_by_side_and_both_serve(site: Site) -> None:
    for service, program in (("cache", "valkey-server"), ("jobs", "redis-server")):
        first = f"{service}-0"
        assert await_whole(site, service)[first] == "primary"
        pid = systemctl(site, service, first, "show", "-P", "MainPID").strip()
        name = site.on(host_of(site, service, first), "cat", f"/proc/{pid}/comm")
        assert name.strip() == program
    status = site.status()
    assert status["healthy"]
    write(site, "cache", 100)
    assert_written(site, "cache", 100)
    site.assert_converged()


def test_valkey_fails_over_when_its_primarys_process_is_killed(site: Site) -> None:
    old = primary_of(site, "cache")
    systemctl(site, "cache", old, "kill", "-s", "KILL")
    await_until(
        lambda: [name for name, role in roles(site, "cache").items() if role == "primary"],
        lambda found: len(found) == 1 and found != [old],
        "a failover",
    )
    assert await_whole(site, "cache")[old] == "replica"
    assert_written(site, "cache", 100)
    site.assert_converged()


def test_valkey_switches_over_where_it_was_told(site: Site) -> None:
    target = next(name for name, role in roles(site, "cache").items() if role == "replica")
    site.ok("switchover", "cache", "--to", target, "--yes")
    assert primary_of(site, "cache") == target
    assert_written(site, "cache", 100)
    site.assert_converged()


def test_without_sentinel_a_switchover_loses_nothing_and_brings_everybody_along(site: Site) -> None:
    direct(site, "jobs-0").mset({f"number:{each}": each for each in range(50)})
    site.ok("switchover", "jobs", "--to", "jobs-2", "--yes")
    assert await_whole(site, "jobs")["jobs-2"] == "primary"
    assert numbers(site, "jobs-2") == [str(each) for each in range(50)]
    assert direct(site, "jobs-2").set("after", "switchover")
    site.assert_converged()


def test_without_sentinel_a_failover_is_refused_while_the_primary_serves(site: Site) -> None:
    ended = site.refused(4, "redis/primary-alive", "failover", "jobs", "--yes")
    assert "opsctl switchover" in ended.err
    assert primary_of(site, "jobs") == "jobs-2"


def test_without_sentinel_a_killed_primary_comes_back_as_what_it_was(site: Site) -> None:
    before = systemctl(site, "jobs", "jobs-2", "show", "-P", "MainPID")
    systemctl(site, "jobs", "jobs-2", "kill", "-s", "KILL")
    await_until(
        lambda: systemctl(site, "jobs", "jobs-2", "show", "-P", "MainPID"),
        lambda pid: pid not in (before, "0\n"),
        "a new process",
    )
    assert await_whole(site, "jobs")["jobs-2"] == "primary"
    site.assert_converged()


def test_without_sentinel_a_person_fails_over_and_the_old_primary_comes_back_as_a_replica(
    site: Site,
) -> None:
    systemctl(site, "jobs", "jobs-2", "stop")
    site.refused(4, "redis/no-primary", "switchover", "jobs", "--yes")
    status = site.run("status", "--check")
    assert status.exit == 3
    site.ok("failover", "jobs", "--to", "jobs-1", "--yes")
    assert primary_of(site, "jobs") == "jobs-1"
    assert numbers(site, "jobs-1") == [str(each) for each in range(50)]
    assert direct(site, "jobs-1").set("after", "failover")
    site.apply()  # which starts what was stopped
    assert await_whole(site, "jobs")["jobs-1"] == "primary"
    assert direct(site, "jobs-2").get("after") == "failover"
    assert site.status()["healthy"]
    site.assert_converged()


def test_without_sentinel_a_person_fails_over_from_a_host_that_is_gone(site: Site) -> None:
    old = primary_of(site, "jobs")
    direct(site, old).mset({f"number:{each}": each for each in range(50)})
    lost = host_of(site, "jobs", old)
    site.lab.faults.kill(lost)
    site.ok("failover", "jobs", "--yes")
    new = primary_of(site, "jobs")
    assert new != old
    assert numbers(site, new) == [str(each) for each in range(50)]
    assert direct(site, new).set("after", "the host")
    site.lab.faults.start(lost)
    assert await_whole(site, "jobs")[new] == "primary"
    assert direct(site, old).get("after") == "the host"
    await_whole(site, "cache")
    site.assert_converged()


@pytest.fixture(scope="module")
def client(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a real redis-cli: this machine's, or one unpacked beside its libraries."""
    top = tmp_path_factory.mktemp("client")
    (top / "bin").mkdir()
    program = top / "bin" / "redis-cli"
    found = shutil.which("redis-cli")
    if found:
        program.symlink_to(found)
        return program.parent
    packages = ("redis-tools", "liblzf1", "libjemalloc2")
    subprocess.run(["apt-get", "download", "-qq", *packages], cwd=top, check=True, timeout=60)
    for package in top.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package.name, "root"], cwd=top, check=True)
    (libraries,) = {str(path.parent) for path in top.glob("root/usr/lib/*/lib*.so.*")}
    program.write_text(
        f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {top}/root/usr/bin/redis-cli "$@"\n'
    )
    program.chmod(0o755)
    return program.parent


def connect(site: Site, client: Path, *words: str, said: str = "") -> Ended:
    path = f"{client}:{site.env['PATH']}"
    return Site(site.folder, site.lab, site.spec, {"PATH": path}).ok("connect", *words, text=said)


def test_connect_opens_a_console_on_the_primary_as_administrator(site: Site, client: Path) -> None:
    said = connect(site, client, "jobs", said="PING\nROLE\nACL WHOAMI\nGET number:7\n")
    lines = said.out.splitlines()
    assert (lines[0], lines[1], lines[-2], lines[-1]) == ("PONG", "master", "opsctl", "7")
    assert password(site, "jobs/user/opsctl") not in said.out + said.err


def test_connect_opens_a_console_on_the_member_that_is_named(site: Site, client: Path) -> None:
    replica = next(name for name, role in roles(site, "jobs").items() if role == "replica")
    assert connect(site, client, f"jobs/{replica}", said="ROLE\n").out.splitlines()[0] == "slave"


def test_connect_hands_words_to_the_client(site: Site, client: Path) -> None:
    assert connect(site, client, "jobs", "PING").out == "PONG\n"


def test_connect_says_which_package_has_the_client_that_is_missing(site: Site) -> None:
    if shutil.which("valkey-cli"):
        pytest.skip("valkey-cli is on this machine")
    ended = site.refused(4, "connect/no-client", "connect", "cache")
    assert "valkey-tools" in ended.err
