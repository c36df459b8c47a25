"""Bad input and bad days: each is refused or ended in plain words, and nothing is half done
unannounced. The tests tell one story, in order: empty hosts, then a service that runs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab_site import Ended, Site, await_until
from redis_client import assert_written, await_whole, write

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
SPEC = """\
opsctl: 1
name: shop
targets:
  dc: {{hosts: 'lab:{lab}', packages: {{lock_wait: 2s}}, ssh: {{connect_timeout: 3s}}}}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: fast
    memory: 64MiB
"""
REDIS = "opsctl-shop-sessions-redis@sessions-{}.service"
LOCK = "/var/lib/dpkg/lock-frontend"
HOSTS = ("n1", "n2", "n3")


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    return make_site("bad", spec=SPEC, data_mib=64)


@pytest.fixture(scope="module")
def running(site: Site) -> Site:
    """The service, built; what stood in its way is gone by then."""
    site.apply()
    await_whole(site, "sessions")
    write(site, "sessions", 50)
    return site


def variant(site: Site, before: str, after: str) -> str:
    """Another spec beside the site's own; gives its name."""
    assert before in site.spec
    (site.folder / "other.yaml").write_text(site.spec.replace(before, after))
    return "other.yaml"


def assert_blocked(site: Site, *words: str, spec: str = "opsctl.yaml") -> Ended:
    """Plan and apply refuse, saying all of `words`, and leave no trace on any host."""
    before = traces(site)
    planned = site.run("plan", "-f", spec)
    assert planned.exit == 4, planned.out
    ended = site.refused(4, "apply/blocked", "apply", "--yes", "-f", spec)
    for word in words:
        assert word in planned.out
        assert word in ended.err
    assert traces(site) == before
    return planned


def traces(site: Site) -> dict[str, str]:
    """Everything of opsctl on the hosts' disks, and its units."""
    look = "find /etc/opsctl /var/lib/opsctl /etc/systemd/system 2>/dev/null | sort; "
    look += "systemctl list-units --all --plain --no-legend 'opsctl-*'; true"
    return {host: site.shell(host, look) for host in HOSTS}


def pid(site: Site, host: str, unit: str) -> int:
    found = int(site.on(host, "systemctl", "show", "-P", "MainPID", unit))
    assert found, f"{unit} is not running on {host}"
    return found


@contextmanager
def unit_running(site: Site, host: str, name: str, program: str, ready: str) -> Iterator[int]:
    """Somebody's own process: a Python program in a unit; gives its pid once `ready` succeeds."""
    site.on(host, "systemd-run", f"--unit={name}", "python3", "-c", program)
    try:
        await_until(
            lambda: site.lab.exec(host, ["sh", "-c", ready]).returncode,
            lambda code: code == 0,
            f"{name} to be ready",
        )
        yield pid(site, host, name)
    finally:
        site.on(host, "systemctl", "stop", name)


@pytest.mark.parametrize(
    ("code", "place", "keys", "hint"),
    [
        ("spec/too-few-hosts", "6:3", "replicas: 5", "fewer members"),
        ("spec/unknown-host", "9:13", "place: {hosts: [n1, n2, n9]}\n    replicas: 3", "n1, n2"),
        ("redis/no-version", "9:14", 'version: "99"\n    replicas: 3', 'version: "8.0"'),
    ],
)
def test_what_the_hosts_can_not_give_is_refused_at_its_place(
    site: Site, code: str, place: str, keys: str, hint: str
) -> None:
    spec = variant(site, "replicas: 3", keys)
    for command in (("plan",), ("apply", "--yes")):
        ended = site.refused(2, code, *command, "-f", spec)
        assert f"other.yaml:{place}" in ended.err
        assert hint in ended.err
    assert "/opsctl" not in traces(site)["n1"]


def test_a_port_that_two_services_want_on_one_host_is_refused(site: Site) -> None:
    both = "\n    replicas: 1\n    port: 7000\n    place: {hosts: [n2]}\n"
    spec = variant(
        site, "    replicas: 3\n", f"{both}  second:\n    engine: redis\n    on: dc{both}"
    )
    ended = site.refused(2, "hosts/duplicate-port", "plan", "-f", spec)
    assert "other.yaml:" in ended.err
    assert "7000" in ended.err
    assert "sessions" in ended.err


def test_a_foreign_redis_server_is_refused_and_its_process_untouched(site: Site) -> None:
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -qy redis-server"
    site.shell("n1", install, timeout=120)
    before = pid(site, "n1", "redis-server")
    assert_blocked(
        site,
        "[hosts/foreign] host dc/n1",
        f"redis-server.service is running here and opsctl did not start it (pid {before})",
        f"port 6379 is held by redis-server (pid {before}, redis-server.service)",
        "opsctl takes nothing over",
    )
    assert pid(site, "n1", "redis-server") == before
    assert site.on("n1", "redis-cli", "ping").strip() == "PONG"
    site.shell("n1", "apt-get purge -qy --autoremove redis-server redis-tools", timeout=120)


def test_a_port_in_use_a_full_folder_and_a_file_of_somebody_else_are_refused(site: Site) -> None:
    data = "/var/lib/opsctl/shop/sessions/sessions-0"
    unit = f"/etc/systemd/system/{REDIS.format(2)}"
    site.shell("n1", f"mkdir -p {data} && echo mine > {data}/dump.rdb")
    site.shell("n3", f"echo '# mine' > {unit}")
    serve = "import http.server as h; h.HTTPServer(('', 26379), h.BaseHTTPRequestHandler)"
    ready = "grep -q ':670B' /proc/net/tcp"  # 26379
    with unit_running(site, "n2", "web", f"{serve}.serve_forever()", ready) as before:
        planned = assert_blocked(
            site,
            f"{data} is not empty and opsctl did not make it",
            f"port 26379 is held by python3 (pid {before}, web.service)",
            f"{unit} is there and opsctl did not write it",
        )
        assert planned.out.count(f"{data} is not empty") == 1
        assert pid(site, "n2", "web") == before
    assert site.on("n1", "cat", f"{data}/dump.rdb") == "mine\n"
    assert site.on("n3", "cat", unit) == "# mine\n"
    site.on("n1", "rm", "-r", "/var/lib/opsctl")
    site.on("n3", "rm", unit)


def test_a_system_that_was_never_tried_is_refused_until_it_is_said(site: Site) -> None:
    fedora = 'ID=fedora\\nVERSION_ID=43\\nPRETTY_NAME="Fedora Linux 43"\\n'
    site.shell("n2", f"rm /etc/os-release; printf '{fedora}' > /etc/os-release")
    try:
        words = "Fedora Linux 43 is not supported: Debian 12 and 13 are"
        for _ in range(2):  # as on this machine's first look, and as it remembers
            assert_blocked(site, "[hosts/unsupported-system] host dc/n2", words, "--unsupported")
        assert site.run("plan", "--unsupported").exit == 0
    finally:
        site.on("n2", "ln", "-sf", "../usr/lib/os-release", "/etc/os-release")


def test_a_data_folder_whose_mount_is_missing_is_refused(site: Site) -> None:
    storage = "storage: {{path: {}, require_mount: true}}\n    replicas: 3"
    spec = variant(site, "replicas: 3", storage.format("/srv/redis"))
    assert_blocked(
        site, "[hosts/mount-missing] host dc/n1", "nothing is mounted at /srv/redis", spec=spec
    )
    spec = variant(site, "replicas: 3", storage.format("/data/redis"))
    assert site.run("plan", "-f", spec).exit == 0


def test_a_held_package_lock_and_a_full_disk_are_each_named_and_the_others_are_built(
    site: Site,
) -> None:
    hold = f"import fcntl, time; file = open('{LOCK}', 'w'); fcntl.lockf(file, fcntl.LOCK_EX); "
    taken = f"! python3 -c \"import fcntl; fcntl.lockf(open('{LOCK}', 'w'), fcntl.LOCK_EX | 4)\""
    site.lab.faults.fill_disk("n2", for_=300)
    with unit_running(site, "n1", "upgrading", hold + "time.sleep(600)", taken) as holder:
        ended = site.refused(5, "hosts/package-lock", "apply", "--yes")
    assert f"python3 (pid {holder}) holds the package lock {LOCK}" in ended.err
    assert "error[hosts/disk-full] host dc/n2" in ended.err
    assert "no space left" in ended.err
    assert ended.seconds < 120
    assert "open: build on n1" in ended.out
    assert "open: build on n2" in ended.out
    assert "open: build on n3" not in ended.out
    assert site.status()["unfinished"]["done"] == ["build/dc/n3"]
    assert "unfinished" in site.run("status").out
    site.lab.faults.free("n2")


def test_once_there_is_room_an_apply_goes_on_to_the_end(running: Site) -> None:
    running.assert_converged()
    assert "unfinished" not in running.run("status").out
    assert_written(running, "sessions", 50)


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
        "opsctl: 1\nname: depot\ntargets:\n  dc: {hosts: 'lab:bad'}\nservices:\n"
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
        "opsctl: 1\nname: keeper\ntargets:\n  dc: {hosts: 'lab:bad'}\nservices:\n"
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
