"""The hosts target on real hosts: building, looking, refusing, locking, cleaning up."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from lab_site import await_until
from small_service import (
    PASSWORD,
    SECRET,
    Keys,
    different,
    need,
    service,
    target,
    workload,
    works,
)

from opsctl.errors import OpsError
from opsctl.lab import Lab, LabSpec, up
from opsctl.planning.resource import Resource
from opsctl.ports import Asked, Event, Fence, Outcome, Record, Work
from opsctl.targets.hosts import Host, HostsTarget
from opsctl.targets.hosts.rendering import render_project
from opsctl.workload import Answer, FileRef, Query, Seat, Text, Workload

pytestmark = pytest.mark.lab
TTL = 300.0


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = up(LabSpec(name="hosts-target", hosts=3, data_mib=64), progress=lambda words: None)
    yield lab
    lab.down()


@pytest.fixture
def clean(lab: Lab) -> Iterator[Lab]:
    """The hosts, emptied of what the test before left."""
    yield lab
    script = """
    systemctl stop 'opsctl-*' foreign memcached 2>/dev/null
    rm -rf /etc/opsctl /var/lib/opsctl /data/shop /etc/systemd/system/opsctl-*
    rm -f /etc/systemd/system/multi-user.target.wants/opsctl-* /etc/systemd/system/memcached.service
    rm -rf /run/opsctl; systemctl daemon-reload; systemctl reset-failed
    """
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda host: lab.exec(host.name, ["sh", "-c", script]), lab.hosts))


def built(
    dc: HostsTarget, count: int = 2, name: str = "small", **more: object
) -> tuple[Workload, tuple[Resource, ...]]:
    """A workload of `count` members and its resources."""
    seats = dc.seat({name: (service(), (need(count),))}, dc.recorded())
    work = workload(seats[name], name, **more)
    return work, dc.realise((work,), {name: service()})


def apply(dc: HostsTarget, resources: tuple[Resource, ...], fence: Fence) -> dict[str, Outcome]:
    return dict(dc.apply(works(resources), fence, lambda event: None))


def test_what_was_built_runs_and_a_second_look_finds_nothing_to_do(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc)
    fence = dc.acquire("a test", TTL)
    told: list[Event] = []
    outcomes = dc.apply(works(resources), fence, told.append)

    assert [outcome.error for outcome in outcomes.values()] == [None, None]
    assert different(dc, resources, work) == []
    seen = dc.observe(resources, (work,))
    assert {key: one.ready for key, one in seen.standings.items()} == {
        ("small-0", "cache"): True,
        ("small-1", "cache"): True,
    }
    assert {owned.id for owned in seen.owned} == {resource.id for resource in resources}
    assert seen.seats == {"small": tuple(member.seat for member in work.members())}
    assert {event.kind for event in told} == {"begin", "done"}
    again = apply(dc, resources, fence)
    assert all(outcome.changed == () for outcome in again.values())


def test_a_changed_file_is_a_restart_until_the_process_has_taken_it_in(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    _, resources = built(dc, 1)
    fence = dc.acquire("a test", TTL)
    apply(dc, resources, fence)
    work, resources = built(dc, 1, memory=32)
    files = tuple(one for one in resources if one.id.kind == "file")
    apply(dc, files, fence)  # as if killed between writing and restarting

    left = different(dc, resources, work)
    assert [one.id.kind for one in left] == ["unit"]
    actual = dc.observe(resources, (work,)).actual[left[0].id].attributes
    assert actual is not None
    assert actual["running"] == "yes"
    assert actual["loaded"] != left[0].desired["loaded"]
    apply(dc, tuple(left), fence)
    assert different(dc, resources, work) == []


def test_a_unit_that_fails_shows_its_last_log_lines_and_the_next_host_goes_on(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    seats = dc.seat({"small": (service(), (need(1),))}, {})
    bad = workload(seats["small"], argv=("/bin/sh", "-c", "echo no such option: --foo; exit 3"))
    resources = dc.realise((bad,), {"small": service()})
    outcomes = apply(dc, resources, dc.acquire("a test", TTL))

    error = outcomes["dc/n1"].error
    assert error is not None
    assert error.code == "hosts/unit-failed"
    assert any("no such option: --foo" in line for line in error.details)
    assert outcomes["dc/n1"].changed


def test_a_foreign_server_is_refused_and_left_alone(clean: Lab, tmp_path: Path) -> None:
    script = "python3 -m http.server 11311"
    clean.exec("n1", ["systemd-run", "--unit=foreign", *script.split()])
    before = clean.exec("n1", ["systemctl", "show", "-p", "MainPID", "foreign"]).stdout
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    for _ in range(50):
        seen = dc.observe(resources, (work,))
        foreign = [one.foreign for one in seen.actual.values() if one.foreign]
        if foreign:
            break
        time.sleep(0.1)

    assert "11311" in foreign[0]
    assert "foreign.service" in foreign[0]
    assert "hosts/foreign" in {problem.error.code for problem in seen.problems}
    error = apply(dc, resources, dc.acquire("a test", TTL))["dc/n1"].error
    assert error is not None
    assert error.code == "hosts/foreign"
    assert clean.exec("n1", ["systemctl", "show", "-p", "MainPID", "foreign"]).stdout == before
    assert clean.exec("n1", ["ls", "/etc/opsctl"]).returncode != 0


def test_a_package_s_own_unit_that_runs_is_somebody_s_and_is_refused(
    clean: Lab, tmp_path: Path
) -> None:
    clean.exec("n1", ["sh", "-c", "apt-get install -qy memcached && systemctl start memcached"],
               timeout=120)  # fmt: skip
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    seen = dc.observe(resources, (work,))
    assert any("memcached.service is running here" in o.foreign for o in seen.actual.values())
    error = apply(dc, resources, dc.acquire("a test", TTL))["dc/n1"].error
    assert error is not None
    assert error.code == "hosts/foreign"
    assert clean.exec("n1", ["systemctl", "is-active", "memcached"]).stdout.strip() == "active"


def test_two_environments_share_a_host_and_one_leaves_without_the_other_noticing(
    clean: Lab, tmp_path: Path
) -> None:
    one = target(clean, tmp_path, "shop")
    two = target(clean, tmp_path, "depot")
    work, mine = built(one, 1)
    fence = one.acquire("a test", TTL)
    apply(one, mine, fence)
    seats = two.seat({"other": (service(port=11411), (need(1),))}, {})
    seats = {"other": tuple(replace(seat, ports={"cache": 11411}) for seat in seats["other"])}
    other = workload(seats["other"], "other")
    theirs = two.realise((other,), {"other": service()})
    apply(two, theirs, two.acquire("a test", TTL))
    assert different(one, mine, work) == []
    assert different(two, theirs, other) == []

    gone = Work("dc/n1", remove=tuple(resource.id for resource in mine))
    assert one.apply([gone], fence, lambda event: None)["dc/n1"].error is None
    assert different(two, theirs, other) == []
    seen = one.observe(mine, (work,))
    assert seen.owned == ()
    assert seen.seats == {}
    assert clean.exec("n1", ["ls", "/etc/opsctl"]).stdout.split() == ["depot"]
    assert "small" not in clean.exec("n1", ["ls", "/var/lib/opsctl/shop"]).stdout


def test_removing_takes_only_what_is_named_and_the_data_stays(clean: Lab, tmp_path: Path) -> None:
    clean.exec("n1", ["dpkg", "--purge", "memcached"])
    dc = target(clean, tmp_path)
    _, resources = built(dc, 1)
    fence = dc.acquire("a test", TTL)
    apply(dc, resources, fence)
    gone = tuple(resource.id for resource in resources if not resource.loss)
    assert dc.apply([Work("dc/n1", remove=gone)], fence, print)["dc/n1"].error is None
    kept = clean.exec("n1", ["ls", "/var/lib/opsctl/shop/small"]).stdout
    assert kept.strip() == "small-0"
    assert clean.exec("n1", ["ls", "/etc/opsctl"]).returncode != 0
    assert clean.exec("n1", ["ls", "/usr/bin/memcached"]).returncode != 0


def test_another_environment_s_spec_of_the_same_name_is_refused(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    _, resources = built(dc, 1)
    apply(dc, resources, dc.acquire("a test", TTL))
    dc.release(Fence(1, "a test"))
    stranger = target(clean, tmp_path / "other")
    stranger.environment = replace(stranger.environment, id="another")
    seen = stranger.observe((), ())
    assert {problem.error.code for problem in seen.problems} >= {"hosts/other-environment"}
    assert seen.owned == ()


def test_a_lock_is_held_released_broken_and_fences_what_came_before(
    clean: Lab, tmp_path: Path
) -> None:
    dc, other = target(clean, tmp_path), target(clean, tmp_path / "b")
    first = dc.acquire("first", TTL)
    with pytest.raises(OpsError) as held:
        other.acquire("second", TTL)
    assert held.value.code == "lock/held"
    assert int(held.value.exit) == 7
    assert "first" in held.value.message
    seen = other.observe((), ())
    assert seen.holder is not None
    assert seen.holder.holder == "first"

    dc.renew(first, TTL)
    broken = other.break_lock("it hangs", "somebody")
    assert broken is not None
    assert broken.holder == "first"
    second = other.acquire("second", TTL)
    assert second.token > first.token
    with pytest.raises(OpsError, match="lost"):
        dc.renew(first, TTL)
    _, resources = built(dc, 1)
    error = apply(dc, resources, first)["dc/n1"].error
    assert error is not None
    assert error.code == "hosts/fenced"
    assert clean.exec("n1", ["ls", "/etc/opsctl"]).returncode != 0
    with pytest.raises(OpsError, match="no longer valid"):
        dc.record([Record("r1", "begin", 1.0, "me")], first)
    other.release(second)


def test_the_lock_of_a_dead_holder_runs_out(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    first = dc.acquire("dead", 0.5)
    other = target(clean, tmp_path / "b")

    def take() -> Fence | None:
        try:
            return other.acquire("next", TTL)
        except OpsError:
            return None

    second = await_until(take, lambda fence: fence is not None, "the lock to run out", 10)
    assert second is not None
    assert second.token > first.token


def test_only_one_of_many_who_want_the_lock_at_once_gets_it(clean: Lab, tmp_path: Path) -> None:
    several = [target(clean, tmp_path / str(n)) for n in range(4)]

    def take(number: int) -> Fence | None:
        try:
            return several[number].acquire(f"holder {number}", TTL)
        except OpsError:
            return None

    with ThreadPoolExecutor(4) as pool:
        got = [fence for fence in pool.map(take, range(4)) if fence]
    assert len(got) <= 1


def test_the_journal_is_the_same_from_every_host_and_tells_of_an_unfinished_run(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    fence = dc.acquire("a test", TTL)
    begin = Record("r1", "begin", 100.0, "me", revision=3, steps=("a", "b"))
    dc.record([begin], fence, {"name": "shop"})
    dc.record([Record("r1", "step", 101.0, "me", step="a", ended="done")], fence)
    fresh = target(clean, tmp_path / "elsewhere")
    seen = fresh.observe((), ())
    assert seen.revision == 3
    assert seen.documents == {3: {"name": "shop"}}
    assert seen.unfinished is not None
    assert (seen.unfinished.done, seen.unfinished.open) == (("a",), ("b",))
    dc.record([Record("r1", "end", 102.0, "me", ended="done")], fence)
    assert fresh.observe((), ()).unfinished is None
    assert [record.kind for record in fresh.history(10)] == ["begin", "step", "end"]
    assert fresh.history(1)[0].kind == "end"
    assert fresh.document(3) == {"name": "shop"}


def test_an_unreachable_host_does_not_hide_the_others(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    dc.hosts = {**dc.hosts, "ghost": Host("10.77.255.254"), "nobody": Host("no.such.name")}
    seen = dc.observe((), ())
    assert set(seen.nodes) == {"dc/n1", "dc/n2", "dc/n3"}
    assert {error.code for error in seen.unreachable.values()} == {"hosts/unreachable"}
    assert "dc/ghost" in str(seen.unreachable["dc/ghost"].where)


def test_a_host_that_loses_power_while_its_connection_is_kept_is_told_soon(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    dc.observe((), ())
    clean.faults.kill("n3")
    try:
        began = time.monotonic()
        seen = dc.observe((), ())
        assert set(seen.unreachable) == {"dc/n3"}
        assert time.monotonic() - began < 20
    finally:
        clean.faults.start("n3")
    assert dc.observe((), ()).unreachable == {}


@pytest.mark.parametrize(
    ("user", "code"), [("nobody-here", "hosts/key-refused"), ("nosudo", "hosts/no-sudo")]
)
def test_a_refused_key_and_a_missing_right_are_told_apart(
    clean: Lab, tmp_path: Path, user: str, code: str
) -> None:
    seen = target(clean, tmp_path, user=user).observe((), ())
    assert {error.code for error in seen.unreachable.values()} == {code}


def test_an_unknown_and_a_changed_host_key_are_refused(clean: Lab, tmp_path: Path) -> None:
    made = f"ssh-keygen -qt ed25519 -N '' -f {tmp_path}/k && cut -d' ' -f1,2 {tmp_path}/k.pub"
    key = subprocess.run(["sh", "-c", made], capture_output=True, text=True, check=True).stdout
    changed = "".join(f"{host.address} {key}" for host in clean.hosts)
    known = tmp_path / "known"
    dc = target(clean, tmp_path)
    # Without a kept connection, which would not look at the key again.
    dc.ssh = replace(dc.ssh, known_hosts=known, options=("ControlPath=none",))
    for words, lines in (("is not in known_hosts", ""), ("is not the one", changed)):
        known.write_text(lines)
        seen = dc.observe((), ())
        assert {error.code for error in seen.unreachable.values()} == {"hosts/host-key"}
        assert words in seen.unreachable["dc/n1"].message


def test_sudo_with_a_password_builds_as_root_does(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path, user=Lab.sudo_user)
    work, resources = built(dc, 1)
    outcomes = apply(dc, resources, dc.acquire("a test", TTL))
    assert outcomes["dc/n1"].error is None
    assert different(dc, resources, work) == []


def test_a_wrong_sudo_password_is_said_so(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path, user=Lab.sudo_user)
    dc.secrets = Keys("wrong")
    seen = dc.observe((), ())
    assert {error.code for error in seen.unreachable.values()} == {"hosts/no-sudo"}


def test_a_question_carries_what_it_reads_on_the_host_and_bounds_its_time(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    apply(dc, resources, dc.acquire("a test", TTL))
    seat: Seat = next(work.members()).seat

    def as_is(answer: Answer) -> Answer:
        return answer

    echo = Query(("/bin/cat",), as_is, Text((FileRef(f"{seat.config_dir}/users.conf"), "!")))
    who = Query(("/usr/bin/id", "-un"), as_is)
    slow = Query(("/bin/sleep", "30"), as_is, timeout=0.3)
    none = Query(("/no/such",), as_is)
    asked = [Asked(seat, "cache", query) for query in (echo, who, slow, none)]
    said = dc.ask(asked)["small-0", "cache"]
    assert said[0].stdout == f"admin {SECRET}!"
    assert said[1].stdout.strip() == "memcache"
    assert said[2].exit == -1
    assert "0.3 s" in said[2].stderr
    assert said[3].exit == -1
    with pytest.raises(ValueError, match="fence"):
        dc.ask([Asked(seat, "cache", who, mutating=True)])


def test_a_tunnel_leads_to_the_member_and_ends_with_its_block(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    apply(dc, resources, dc.acquire("a test", TTL))
    seat = next(work.members()).seat
    with (
        dc.tunnel(seat, seat.ports["cache"]) as port,
        socket.create_connection(("127.0.0.1", port), 5) as line,
    ):
        line.sendall(b"version\r\n")
        assert line.recv(100).startswith(b"VERSION")
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_logs_are_those_of_the_member(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    apply(dc, resources, dc.acquire("a test", TTL))
    argv = dc.logs(next(work.members()).seat, "cache", 20, follow=False)
    said = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True)
    assert "Started" in said.stdout


def test_a_missing_mount_keeps_the_data_off_the_root_disk(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    missing = service(storage={"path": "/mnt/none", "require_mount": True})
    seats = dc.seat({"small": (missing, (need(1, path="/mnt/none"),))}, {})
    work = _mounted(workload(seats["small"]))
    resources = dc.realise((work,), {"small": missing})
    seen = dc.observe(resources, (work,))
    assert "hosts/mount-missing" in {problem.error.code for problem in seen.problems}
    error = apply(dc, resources, dc.acquire("a test", TTL))["dc/n1"].error
    assert error is not None
    assert error.code == "hosts/mount-missing"
    assert clean.exec("n1", ["ls", "/mnt/none"]).returncode != 0


def test_data_on_a_mounted_disk_is_kept_there_and_the_server_needs_the_mount(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    there = service(storage={"path": "/data", "require_mount": True})
    seats = dc.seat({"small": (there, (need(1, path="/data"),))}, {})
    work = _mounted(workload(seats["small"]))
    resources = dc.realise((work,), {"small": there})
    fence = dc.acquire("a test", TTL)
    assert apply(dc, resources, fence)["dc/n1"].error is None
    assert different(dc, resources, work) == []
    gone = Work("dc/n1", remove=tuple(resource.id for resource in resources))
    assert dc.apply([gone], fence, print)["dc/n1"].error is None
    assert clean.exec("n1", ["ls", "-A", "/data"]).stdout.strip() in ("", "lost+found")


def _mounted(work: Workload) -> Workload:
    group = work.groups[0]
    members = []
    for member in group.members:
        part = member.components[0]
        volumes = tuple(replace(volume, require_mount=True) for volume in part.volumes)
        members.append(replace(member, components=(replace(part, volumes=volumes),)))
    return replace(work, groups=(replace(group, members=tuple(members)),))


def test_a_full_disk_is_named_and_leaves_no_half_written_file(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    there = service(storage={"path": "/mnt/little"})
    seats = dc.seat({"small": (there, (need(1, path="/mnt/little"),))}, {})
    work = workload(seats["small"])
    resources = dc.realise((work,), {"small": there})
    mount = "mkdir -p /mnt/little; mount -t tmpfs -o size=4k none /mnt/little; echo > /mnt/little/x"
    clean.exec("n1", ["sh", "-c", mount])
    try:
        error = apply(dc, resources, dc.acquire("a test", TTL))["dc/n1"].error
        left = clean.exec("n1", ["find", "/mnt/little", "-name", ".opsctl-*"]).stdout
    finally:
        clean.exec("n1", ["umount", "/mnt/little"])
    assert error is not None
    assert error.code == "hosts/disk-full"
    assert "/mnt/little/shop" in error.message
    assert left == ""


def test_a_held_package_lock_names_its_holder(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    dc.options = replace(dc.options, packages=replace(dc.options.packages, lock_wait=1))
    clean.exec("n1", ["dpkg", "--remove", "memcached"])
    hold = "import fcntl,time;f=open('/var/lib/dpkg/lock-frontend','w');fcntl.lockf(f,2)"
    argv = ["systemd-run", "--unit=foreign", "python3", "-c", f"{hold};time.sleep(60)"]
    clean.exec("n1", argv)
    attempt = ["python3", "-c", hold.replace("lockf(f,2)", "lockf(f,6)")]  # 6: not waiting
    await_until(lambda: clean.exec("n1", attempt).returncode, bool, "somebody's lock", 10)
    _, resources = built(dc, 1)
    error = apply(dc, resources, dc.acquire("a test", TTL))["dc/n1"].error
    assert error is not None
    assert error.code == "hosts/package-lock"
    assert "python3 (pid" in error.message


def test_a_version_that_is_not_to_be_had_is_said_by_the_plan_and_by_the_apply(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    wanted = tuple(
        replace(one, desired={"version": "99"}) if one.id.kind == "package" else one
        for one in resources
    )
    seen = dc.observe(wanted, (work,))
    said = [p.error for p in seen.problems if p.error.code == "hosts/no-version"]
    assert "1.6" in said[0].message
    error = apply(dc, wanted, dc.acquire("a test", TTL))["dc/n1"].error
    assert error is not None
    assert error.code in ("hosts/no-version", "hosts/no-packages")


def test_no_secret_is_in_the_places_where_one_could_leak(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    told: list[Event] = []
    dc.apply(works(resources), dc.acquire("a test", TTL), told.append)
    seen = dc.observe(resources, (work,))
    text = repr((told, seen.actual, seen.nodes, [resource.text for resource in resources]))
    assert SECRET not in text
    assert f"‹secret {PASSWORD.name}›" in text
    holders = clean.exec("n1", ["grep", "-rlF", SECRET, "/etc", "/var/lib", "/var/log", "/run"])
    assert holders.stdout.split() == ["/etc/opsctl/shop/small/small-0/users.conf"]
    journal = clean.exec("n1", ["journalctl", "--no-pager", "-o", "export"]).stdout
    assert SECRET not in journal
    assert dc.secrets.key is not None
    assert dc.secrets.key.hex() not in journal
    mode = clean.exec("n1", ["stat", "-c", "%a %U:%G", holders.stdout.strip()]).stdout
    assert mode.strip() == "640 root:memcache"


def test_a_rendered_project_runs_without_opsctl_and_a_look_finds_nothing_to_do(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 2)
    project = tmp_path / "project"
    render_project(dc, resources, project, vault_password="open sesame")
    for file in project.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()
    (tmp_path / "vault").write_text("open sesame")
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.json"]
    argv += ["--vault-password-file", str(tmp_path / "vault"), "site.yml", "-v"]

    def play() -> str:
        done = subprocess.run(
            argv, cwd=project, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert SECRET not in done.stdout
        return done.stdout

    assert "changed=1" in play()
    assert different(dc, resources, work) == []
    assert dc.observe(resources, (work,)).seats == {
        "small": tuple(member.seat for member in work.members())
    }
    assert "changed=0" in play()
    fence = dc.acquire("somebody", TTL)
    held = subprocess.run(argv, cwd=project, capture_output=True, text=True, check=False)
    assert held.returncode != 0
    assert "hosts/held" in held.stdout
    dc.release(fence)


def test_the_package_s_own_server_does_not_come_up_at_the_next_boot(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    apply(dc, resources, dc.acquire("a test", TTL))
    clean.faults.kill("n1")
    clean.faults.start("n1")
    states = clean.exec(
        "n1", ["systemctl", "is-active", "memcached", "opsctl-shop-small-cache@small-0"]
    )
    for _ in range(50):
        if "activating" not in states.stdout:
            break
        time.sleep(0.2)
        states = clean.exec("n1", ["systemctl", "is-active", "opsctl-shop-small-cache@small-0"])
    assert states.stdout.split()[-1] == "active"
    assert clean.exec("n1", ["systemctl", "is-active", "memcached"]).stdout.strip() != "active"
    assert different(dc, resources, work) == []


def test_a_machine_that_forgot_everything_finds_seats_and_systems_again(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 2)
    apply(dc, resources, dc.acquire("a test", TTL))
    fresh = target(clean, tmp_path / "fresh")
    assert fresh.recorded() == {"small": tuple(member.seat for member in work.members())}
    cached = json.loads((tmp_path / "fresh" / "shop-dc-hosts.json").read_text())
    assert set(cached["systems"].values()) == {"debian-13"}
    assert SECRET not in json.dumps(cached)
