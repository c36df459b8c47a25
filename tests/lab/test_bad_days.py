"""Bad input and bad days on empty hosts: each is refused or ended in plain words, and nothing is
half done unannounced. The tests tell one story, in order, at whose end a service runs."""

from __future__ import annotations

import pytest
from bad_world import (
    LOCK,
    REDIS,
    SPEC,
    assert_blocked,
    built,
    pid,
    traces,
    unit_running,
    variant,
)
from lab_site import Site
from redis_client import assert_written

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    return make_site("bad", spec=SPEC, data_mib=64)


@pytest.fixture(scope="module")
def running(site: Site) -> Site:
    """What stood in its way is gone by then."""
    return built(site)


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
