"""Valkey with Sentinel and Redis without it, side by side; and a console on them."""

from __future__ import annotations

import queue
import shutil
import signal
import subprocess
import threading
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
    await_until(
        lambda: direct(site, "jobs-2").get("after"), lambda said: said == "failover", "a copy"
    )
    assert site.status()["healthy"]
    site.assert_converged()


def test_without_sentinel_a_person_fails_over_from_a_host_that_is_gone(site: Site) -> None:
    old = primary_of(site, "jobs")
    direct(site, old).mset({f"number:{each}": each for each in range(50)})
    lost = host_of(site, "jobs", old)
    site.lab.faults.kill(lost, for_=300)
    # One connect timeout (10 s) in the look before it, and none at any step after that.
    site.ok("failover", "jobs", "--yes")
    new = primary_of(site, "jobs")
    assert new != old
    assert numbers(site, new) == [str(each) for each in range(50)]
    assert direct(site, new).set("after", "the host")
    site.lab.faults.start(lost)
    assert await_whole(site, "jobs")[new] == "primary"
    await_until(lambda: direct(site, old).get("after"), lambda said: said == "the host", "a copy")
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


def test_connect_opens_a_console_as_a_user_of_the_spec(site: Site, client: Path) -> None:
    said = connect(site, client, "jobs", "--as", "app", said="ACL WHOAMI\nGET number:7\n")
    assert said.out.startswith("NOPERM") or said.out.splitlines()[0] == "app"
    assert said.out.splitlines()[-1] == "7"
    assert password(site, "jobs/user/app") not in said.out + said.err
    ended = site.refused(2, "spec/unknown-user", "connect", "jobs", "--as", "ap")
    assert 'did you mean "app"' in ended.err


def test_connect_says_which_package_has_the_client_that_is_missing(
    site: Site, tmp_path: Path
) -> None:
    ssh = shutil.which("ssh")
    assert ssh
    (tmp_path / "ssh").symlink_to(ssh)
    bare = Site(site.folder, site.lab, site.spec, {"PATH": str(tmp_path)})
    ended = bare.refused(4, "connect/no-client", "connect", "cache")
    assert "valkey-tools" in ended.err


def test_connect_goes_through_a_tunnel_where_the_port_can_not_be_reached(
    site: Site, client: Path
) -> None:
    host = host_of(site, "jobs", primary_of(site, "jobs"))
    rule = f"ip saddr {site.lab.gateway} tcp dport {PORT} drop"
    chain = "{ type filter hook input priority 0; }"
    site.shell(
        host, f"nft 'add table inet t; add chain inet t c {chain}; add rule inet t c {rule}'"
    )
    try:
        said = connect(site, client, "jobs", "--as", "app", said="GET number:7\n")
    finally:
        site.shell(host, "nft delete table inet t")
    assert said.out == "7\n"
    assert "through a tunnel" in said.err


def test_two_bastions_are_gone_over_one_after_the_other(site: Site, tmp_path: Path) -> None:
    at = {host.name: host.address for host in site.lab.hosts}
    ssh = f"{{user: root, key: {site.lab.key}, known_hosts: {site.lab.known_hosts}}}"
    behind = f"{{address: {at['n3']}, ssh: {{bastion: 'root@{at['n1']},root@{at['n2']}'}}}}"
    hosts = f"{{n1: {{address: {at['n1']}}}, n2: {{address: {at['n2']}}}, n3: {behind}}}"
    (tmp_path / "far.yaml").write_text(
        site.spec.replace("{hosts: 'lab:valkey'}", f"{{hosts: {hosts}, ssh: {ssh}}}")
    )
    # A connection is kept, to the same address by another way: it must not be taken for this one.
    assert site.status()["healthy"]
    file = str(tmp_path / "far.yaml")
    far = site.ok("status", "--output", "json", "-f", file).json()
    assert (far["healthy"], len(members(far, "jobs"))) == (True, 3)
    peers = site.shell("n3", "ss -Htn state established sport = :22")
    assert f"{at['n2']}:" in peers


def started(site: Site, *arguments: str) -> tuple[subprocess.Popen[str], queue.Queue[str]]:
    """The command in the background, and its lines as they come."""
    process = site.start(*arguments)
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
            lines.put(line)

    threading.Thread(target=read, daemon=True).start()
    return process, lines


def until(lines: queue.Queue[str], *words: str) -> None:
    """Takes lines until one holds all the words."""
    taken: list[str] = []
    while not taken or not all(word in taken[-1] for word in words):
        try:
            taken.append(lines.get(timeout=30))
        except queue.Empty:
            raise AssertionError(f"no line with {words} came: {''.join(taken)}") from None


def end_by_ctrl_c(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr
    assert "error" not in process.stderr.read()


def test_status_looks_again_and_again_until_ctrl_c(site: Site) -> None:
    process, lines = started(site, "status", "--watch")
    for _ in range(2):
        until(lines, "jobs-0", "redis")
        until(lines, "jobs-1", "redis")
    end_by_ctrl_c(process)


def test_the_logs_of_all_members_are_followed_side_by_side(site: Site) -> None:
    replica = next(name for name, role in roles(site, "jobs").items() if role == "replica")
    process, lines = started(site, "logs", "jobs", "--follow", "-n", "1")
    seen: set[str] = set()
    while len(seen) < 3:
        seen.add(lines.get(timeout=30).partition("|")[0].strip())
    assert seen == {"jobs-0", "jobs-1", "jobs-2"}
    systemctl(site, "jobs", replica, "restart")
    until(lines, f"{replica} | ", "Ready to accept connections")
    end_by_ctrl_c(process)
    await_whole(site, "jobs")
