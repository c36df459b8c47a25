"""opsctl killed, stopped, frozen and raced in the middle of its work: it ends in the same place."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from host_state import assert_same_state, host_state
from lab_site import Event, Running, Site, await_until, members
from redis_client import assert_written, await_whole, password, roles, write

from conftest import REDIS
from opsctl.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

# 32 bytes in base64: builds with one root key have the same passwords, so their files are equal.
ROOT_KEY = "b3BzY3RsIGxhYiB0ZXN0cywgMzIgYnl0ZXMgbG9uZyE="
APPLY = ("apply", "--yes", "--max-impact", "failover")
RESUME = (*APPLY, "--resume")
UNTOUCHED = "memory: 64MiB\n"

MakeLab = Callable[..., Lab]
Holds = Callable[[Event], bool]


def fresh(make_lab: MakeLab, folder: Path, name: str) -> Site:
    """Hosts on which nothing was ever built, and a spec for them."""
    known = {"OPSCTL_ROOT_KEY": ROOT_KEY, "OPSCTL_LOCK_TTL": "12"}
    return Site(folder, make_lab(name), REDIS.format(lab=name), known)


@pytest.fixture(scope="module")
def site(make_lab: MakeLab, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Built without any interruption."""
    site = fresh(make_lab, tmp_path_factory.mktemp("intr"), "intr")
    site.ok(*APPLY)
    await_whole(site, "sessions")
    write(site, "sessions", 50)
    return site


@pytest.fixture(scope="module")
def wanted(site: Site) -> dict[str, Any]:
    """The state of the hosts after an apply that nobody interrupted."""
    return host_state(site)


@pytest.fixture
def elsewhere(site: Site, tmp_path: Path) -> Site:
    return site.elsewhere(tmp_path / "elsewhere")


def event(kind: str, step: str, where: str | None = None) -> Holds:
    """An event of this kind, of a step whose id begins so."""

    def holds(said: Event) -> bool:
        there = where is None or said["where"] == where
        return said["event"] == kind and said["step"].startswith(step) and there

    return holds


def change(site: Site, **settings: str | int) -> None:
    """Other settings in the spec: `databases` needs restarts, `maxmemory_policy` is live."""
    words = ", ".join(f"{key.replace('_', '-')}: {value}" for key, value in settings.items())
    base = REDIS.format(lab=site.lab.name)
    site.write(base.replace(UNTOUCHED, f"{UNTOUCHED}    settings: {{{words}}}\n"))


def host_of(site: Site, member: str) -> str:
    found = {str(item["name"]): item for item in members(site.status(), "sessions")}
    return str(found[member]["where"]).partition("/")[2]


def live(site: Site, setting: str) -> set[str]:
    """The values that the running servers have."""
    found = set()
    for member in roles(site, "sessions"):
        auth = f"/etc/opsctl/shop/sessions/{member}/redis.auth"
        script = f"printf 'AUTH opsctl %s\\nCONFIG GET {setting}\\n' \"$(cat {auth})\" | redis-cli"
        found.add(site.shell(host_of(site, member), script).split()[-1])
    return found


# -- killed in the first apply ------------------------------------------------------------------

POINTS: dict[str, Holds] = {
    "before anything is on the hosts": event("progress", "build/", "dc/n1"),
    "when one host is built": lambda said: said["words"].endswith(" changed"),
    "while it waits for the service": event("begin", "settle/"),
}


# Each costs a minute of hosts of its own; the soak test below kills after each event.
RARE = pytest.mark.soak
KILLED = [pytest.param(point, marks=RARE if "before" in point else ()) for point in POINTS]
SIGNALS = [signal.SIGTERM, pytest.param(signal.SIGINT, marks=RARE)]


@pytest.mark.parametrize("point", KILLED)
def test_a_first_apply_that_was_killed_ends_in_the_same_place_when_run_again(
    point: str, wanted: dict[str, Any], make_lab: MakeLab, tmp_path: Path
) -> None:
    site = fresh(make_lab, tmp_path, "intrk")
    running = site.begin(*APPLY)
    running.until(POINTS[point], point)
    running.kill()
    assert_mended(site, wanted)


def test_a_first_apply_that_was_killed_in_mid_install_ends_in_the_same_place(
    wanted: dict[str, Any], make_lab: MakeLab, tmp_path: Path
) -> None:
    site = fresh(make_lab, tmp_path, "intrk")
    running = site.begin(*APPLY)
    await_until(lambda: installing(site, "n2"), bool, "the package system at work on n2")
    running.kill()
    assert_mended(site, wanted)


def installing(site: Site, host: str) -> bool:
    return "dpkg" in site.shell(host, "cat /proc/[0-9]*/comm 2>/dev/null || true").split()


def assert_mended(site: Site, wanted: dict[str, Any]) -> None:
    """Apply once more: what was wanted is there, one primary, a plan that is empty."""
    site.once_free(*APPLY)
    await_whole(site, "sessions")  # whoever is primary: a busy machine may have failed over
    site.assert_converged()
    assert_same_state(site, wanted)
    assert site.status()["unfinished"] is None


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_first_apply_killed_after_each_of_its_events_ends_in_the_same_place(
    site: Site, wanted: dict[str, Any], make_lab: MakeLab, tmp_path: Path
) -> None:
    for number in range(1, 100):
        again = fresh(make_lab, tmp_path / str(number), "intrk")
        running = again.begin(*APPLY)
        seen = 0
        for seen, _ in enumerate(running.events(), 1):
            if seen == number:
                running.kill()
                break
        if seen < number:
            assert running.end().exit == 0
            return
        assert_mended(again, wanted)
    raise AssertionError("it never came to its end")


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_first_apply_killed_at_any_time_of_its_host_work_ends_in_the_same_place(
    wanted: dict[str, Any], make_lab: MakeLab, tmp_path: Path
) -> None:
    """Moments in a wave are told by what stands on a host: one kill for each thing it makes."""
    marks = ["manifest", *sorted(path for path in wanted["n1"] if path.startswith("/etc/opsctl/"))]
    for number, mark in enumerate(marks[:: max(1, len(marks) // 12)]):
        again = fresh(make_lab, tmp_path / str(number), "intrk")
        path = "/var/lib/opsctl/shop/manifest.json" if mark == "manifest" else mark
        running = again.begin(*APPLY)
        probe = f"while ! [ -e {path} ]; do sleep 0.01; done"
        again.shell("n1", probe, timeout=120)
        running.kill()
        assert_mended(again, wanted)


# -- killed in the middle of a rolling change ---------------------------------------------------


def test_anybody_sees_who_left_what_undone_and_ends_it_as_it_was_begun(
    site: Site, elsewhere: Site
) -> None:
    change(site, databases=8)
    running = site.begin(*APPLY)
    running.until(event("done", "member/"))
    running.kill()
    seen = await_until(
        lambda: elsewhere.run("status").out, lambda out: "unfinished" in out, "the lock's end"
    )
    first = seen.splitlines()[:4]
    assert " began it " in first[0]
    assert "1 of 4 steps done, the next is member/sessions-" in first[1]
    assert "opsctl apply --resume" in "".join(first)
    elsewhere.once_free(*RESUME)
    await_whole(elsewhere, "sessions")
    assert live(site, "databases") == {"8"}
    site.assert_converged()
    assert elsewhere.run("plan", "--exit-code").exit == 3  # its own spec says something else
    assert_written(site, "sessions", 50)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda one: one.name)
def test_a_signal_stops_it_at_a_safe_point_and_it_goes_on_from_there(
    site: Site, number: signal.Signals
) -> None:
    change(site, databases=8 + int(number))
    running = site.begin(*APPLY)
    begun = running.until(event("begin", "member/"))
    running.signal(number)
    ended = running.end()
    assert ended.exit == 130, ended.err
    assert "stopping at the next safe point" in ended.err
    report = ended.json()
    # A step that only waits, or that changes something, is stopped before or after it.
    assert report["done"] in ([], [begun["step"]])
    assert len(report["done"] + report["open"]) == 4
    assert site.status()["lock"] is None
    await_whole(site, "sessions")
    site.ok(*RESUME)
    assert live(site, "databases") == {str(8 + int(number))}
    site.assert_converged()


def test_nothing_unfinished_can_not_be_resumed(site: Site) -> None:
    site.refused(4, "apply/nothing-unfinished", *RESUME)


# -- two at once, and locks ----------------------------------------------------------------------


def test_the_second_of_two_applies_is_told_who_holds_the_lock(site: Site, elsewhere: Site) -> None:
    change(site, databases=20)  # its restarts take longer than the three looks of somebody else
    running = site.begin(*APPLY)
    running.until(event("begin", "member/"))
    refused = elsewhere.refused(7, "lock/held", *APPLY)
    mine = f"(pid {running.process.pid}): apply"
    assert mine in refused.err
    shown = elsewhere.ok("lock", "show", "--output", "json").json()
    assert mine in shown["holders"][0]["holder"]
    assert "under way" in elsewhere.run("status").out.splitlines()[0]
    assert running.end().exit == 0
    assert "nobody" in elsewhere.ok("lock", "show").out
    site.assert_converged()


def test_a_lock_that_is_released_by_hand_stops_its_holder_and_the_reason_is_kept(
    site: Site, elsewhere: Site
) -> None:
    change(site, maxmemory_policy="volatile-lru")
    running = site.begin(*APPLY)
    running.until(event("begin", "member/"))
    elsewhere.refused(4, "apply/no-consent", "lock", "release", "--reason", "it hangs")
    released = elsewhere.ok("lock", "release", "--reason", "it hangs", "--yes")
    assert f"(pid {running.process.pid})" in released.out
    ended = running.end()
    assert ended.exit in (4, 5), ended.err
    assert "hosts/fenced" in ended.err or "lock/lost" in ended.err
    assert "it hangs" in elsewhere.ok("history").out
    site.ok(*APPLY)
    site.assert_converged()


# -- left over, and too late ---------------------------------------------------------------------

# Runs on a host: holds the gate that every change passes until somebody waits there, and freezes
# that one between two changes.
_FREEZE = """
import fcntl, os, signal, sys, time

gate = "/var/lib/opsctl/shop/lock.changes"
handle = os.open(gate, os.O_RDWR)
fcntl.flock(handle, fcntl.LOCK_EX)
open("/run/gate-held", "w").close()
end = time.monotonic() + 60
while time.monotonic() < end:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            open_ = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        if gate in open_ and int(pid) != os.getpid():
            os.kill(int(pid), signal.SIGSTOP)
            print(pid)
            sys.exit()
sys.exit("nobody came")
"""


def freeze_next_change(site: Site, running: Running) -> tuple[str, str]:
    """(host, process id there) of the program that makes opsctl's next change, stopped half-way."""
    begun = running.until(event("begin", "member/"))
    running.signal(signal.SIGSTOP)  # so that we are there first
    host = host_of(site, begun["step"].partition("/")[2])
    with ThreadPoolExecutor(1) as pool:
        site.on(host, "rm", "-f", "/run/gate-held")
        frozen = pool.submit(site.on, host, "python3", "-", text=_FREEZE, timeout=90)
        site.shell(host, "while ! [ -e /run/gate-held ]; do sleep 0.05; done")
        running.signal(signal.SIGCONT)
        return host, frozen.result().strip()


def test_what_a_killed_opsctl_left_running_can_not_write_once_somebody_else_has_the_lock(
    site: Site, elsewhere: Site
) -> None:
    change(site, databases=30)
    running = site.begin(*APPLY)
    host, process = freeze_next_change(site, running)
    running.kill()
    change(elsewhere, maxmemory_policy="allkeys-lfu")
    elsewhere.once_free(*APPLY)
    await_whole(elsewhere, "sessions")
    assert "State:\tT" in site.shell(host, f"cat /proc/{process}/status")
    before = host_state(site, times=True)
    site.shell(host, f"kill -CONT {process}")
    site.shell(host, f"while [ -e /proc/{process} ]; do sleep 0.05; done")
    assert_same_state(site, before, times=True)
    assert live(site, "databases") == {"16"}  # the server's own number: never 30
    elsewhere.assert_converged()


def test_a_holder_that_was_frozen_for_too_long_is_refused(site: Site, elsewhere: Site) -> None:
    change(site, maxmemory_policy="volatile-ttl")
    running = site.begin(*APPLY)
    running.until(event("done", "member/"))  # others are still to come
    running.signal(signal.SIGSTOP)
    change(elsewhere, maxmemory_policy="volatile-lfu")
    elsewhere.once_free(*APPLY)
    running.signal(signal.SIGCONT)
    ended = running.end()
    assert ended.exit == 5, ended.err
    assert "hosts/fenced" in ended.err or "lock/lost" in ended.err
    assert live(site, "maxmemory-policy") == {"volatile-lfu"}
    elsewhere.assert_converged()


# -- back, and from nothing ----------------------------------------------------------------------


def test_a_change_that_was_half_done_is_rolled_back(site: Site) -> None:
    change(site, maxmemory_policy="volatile-random")
    site.once_free(*APPLY)
    change(site, maxmemory_policy="volatile-random", databases=40)
    running = site.begin(*APPLY)
    running.until(event("done", "member/"))
    running.kill()
    site.once_free("rollback", "--yes", "--max-impact", "failover")
    await_whole(site, "sessions")
    assert live(site, "databases") == {"16"}
    assert live(site, "maxmemory-policy") == {"volatile-random"}
    change(site, maxmemory_policy="volatile-random")
    site.assert_converged()
    assert site.status()["unfinished"] is None


def test_a_revision_that_is_not_kept_is_refused_and_those_that_are_are_named(site: Site) -> None:
    ended = site.refused(4, "rollback/no-revision", "rollback", "4711", "--yes")
    assert "they keep 1, 2" in ended.err


def test_the_oldest_revision_that_is_kept_can_be_gone_back_to(site: Site) -> None:
    site.ok("rollback", "1", "--yes", "--max-impact", "failover")
    site.write(REDIS.format(lab=site.lab.name))
    site.assert_converged()


def test_a_fresh_clone_with_the_root_key_alone_goes_on_and_no_password_changes(
    site: Site, tmp_path: Path
) -> None:
    before = (password(site, "sessions/user/app"), accounts(site))
    change(site, databases=50)
    running = site.begin(*APPLY)
    running.until(event("done", "member/"))
    shutil.rmtree(site.folder, ignore_errors=True)  # while it writes its state there
    running.kill()
    shutil.rmtree(site.folder, ignore_errors=True)  # it wrote its state once more
    clone = Site(tmp_path / "clone", site.lab, REDIS.format(lab=site.lab.name), site.environment)
    clone.once_free(*RESUME)
    await_whole(clone, "sessions")
    assert live(clone, "databases") == {"50"}
    assert (password(clone, "sessions/user/app"), accounts(clone)) == before
    assert_written(clone, "sessions", 50)
    clone.edit(UNTOUCHED, f"{UNTOUCHED}    settings: {{databases: 50}}\n")
    clone.assert_converged()


def accounts(site: Site) -> dict[str, set[str]]:
    """By member: the users of the running server, each with the digest of its password."""
    found = {}
    for member in roles(site, "sessions"):
        auth = f"/etc/opsctl/shop/sessions/{member}/redis.auth"
        script = f"printf 'AUTH opsctl %s\\nACL LIST\\n' \"$(cat {auth})\" | redis-cli"
        lines = site.shell(host_of(site, member), script).splitlines()
        found[member] = {" ".join(line.split()[1:5]) for line in lines if line.startswith("user ")}
    return found
