"""The strikes of a drill on real hosts: each does what it says, and ends by itself."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from opsctl.drills.faults import Fault, fault
from opsctl.drills.scripts import FILL, armed, burn, disarmed
from opsctl.drills.strikes import Scene, Strike, strike
from opsctl.lab import Lab, LabSpec, up
from opsctl.lab.commands import until
from opsctl.targets.hosts import nodes
from opsctl.targets.kubernetes import agents
from opsctl.workload import AddressRef, Seat, Standing, Text

pytestmark = pytest.mark.lab
NAME = f"strikes-{os.getpid()}"
UNIT = "victim.service"
SECONDS = 3.0
DATA = "/data"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = up(LabSpec(NAME, 2, data_mib=32), progress=lambda _: None)
    yield made
    made.down()


@pytest.fixture
def victim(lab: Lab) -> str:
    """The host n1 with a service that is started again when it dies."""
    unit = f"--unit={UNIT} --collect -p Restart=always -p RestartSec=0"
    sh(lab, "n1", f"systemctl stop {UNIT} 2>/dev/null; systemd-run {unit} sleep 1000")
    return "n1"


def sh(lab: Lab, host: str, text: str) -> str:
    ended = lab.exec(host, ["sh", "-c", text])
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def struck(lab: Lab, what: Fault, drill: str, seconds: float = SECONDS) -> tuple[Strike, float]:
    """The strike, and when the host says that it came."""
    seats = tuple(
        Seat(f"db-{at}", "servers", f"n{at + 1}", "", "debian-13", data_dir=DATA) for at in (0, 1)
    )
    standings = {("db-0", "server"): Standing("primary", True)}
    (one,) = strike(what, Scene(standings, seats), drill, seconds)
    said = sh(lab, one.node, filled(lab, one.script))
    assert said.startswith("struck ")
    return one, float(said.split()[1])


def filled(lab: Lab, text: Text) -> str:
    def value(ref: object) -> str:
        assert isinstance(ref, AddressRef)
        return lab.part(f"n{int(ref.member[-1]) + 1}").address

    return nodes.filled(text.fill(value), UNIT)


def reaches(lab: Lab, source: str, target: str) -> bool:
    address = lab.part(target).address
    return lab.exec(source, ["ping", "-c1", "-W1", address]).returncode == 0


def ends_by_itself(check: Callable[[], bool], at: float, seconds: float = SECONDS) -> None:
    until(check, what="the undo", timeout=seconds + 10)
    assert time.time() - at > seconds - 0.5, "it ended too soon to have been felt"


def state(lab: Lab, host: str) -> str:
    """ "T" for a process that is stopped, "S" for one that goes on."""
    return sh(lab, host, f"ps -o s= -p $(systemctl show -P MainPID {UNIT})")


def test_a_paused_process_goes_on_by_itself(lab: Lab, victim: str) -> None:
    _, at = struck(lab, fault("pause-primary"), "p1")
    assert state(lab, victim) == "T"
    ends_by_itself(lambda: state(lab, victim) == "S", at)


def test_a_pause_can_be_ended_before_its_time(lab: Lab, victim: str) -> None:
    one, _ = struck(lab, fault("pause-primary"), "p2", 60.0)
    assert state(lab, victim) == "T"
    for _ in range(2):
        sh(lab, victim, filled(lab, one.undo))
        assert state(lab, victim) == "S"
    assert "opsctl-drill" not in sh(lab, victim, "systemctl list-timers --all --no-legend")


def test_a_killed_process_is_started_again(lab: Lab, victim: str) -> None:
    before = sh(lab, victim, f"systemctl show -P MainPID {UNIT}")
    struck(lab, fault("primary-process"), "k1", 0.0)
    until(
        lambda: sh(lab, victim, f"systemctl show -P MainPID {UNIT}") not in (before, "0"),
        what="the supervisor",
        timeout=10,
    )


def test_a_cut_host_is_alone_until_the_rules_go(lab: Lab) -> None:
    lasts = 8.0  # each look from either side takes a second
    _, at = struck(lab, fault("isolate-primary"), "c1", lasts)
    assert not reaches(lab, "n1", "n2")
    assert not reaches(lab, "n2", "n1")
    ends_by_itself(lambda: reaches(lab, "n1", "n2"), at, lasts)
    assert "opsctl_drill" not in sh(lab, "n1", "nft list tables")


def test_one_way_hears_but_is_not_heard(lab: Lab) -> None:
    counted = "nft list ruleset | grep -c 'ip daddr .* drop'"
    one, _ = struck(lab, fault("one-way-cut"), "w1", 60.0)
    assert sh(lab, "n1", counted) == "1"
    assert not reaches(lab, "n1", "n2")
    sh(lab, "n1", filled(lab, one.undo))
    assert reaches(lab, "n1", "n2")


def test_packets_are_lost_by_their_share(lab: Lab) -> None:
    address = lab.part("n2").address
    one, _ = struck(lab, replace(fault("loss"), percent=50), "l0", 60.0)
    said = lab.exec("n1", ["ping", "-c40", "-i0.01", "-W1", address]).stdout
    assert 0 < int(said.split(" received")[0].rpartition(" ")[2]) < 25  # of 40; 10 are likely
    sh(lab, "n1", filled(lab, one.undo))


def test_all_packets_lost_is_as_good_as_cut(lab: Lab) -> None:
    one, _ = struck(lab, replace(fault("loss"), percent=100), "l1", 60.0)
    assert not reaches(lab, "n1", "n2")
    sh(lab, "n1", filled(lab, one.undo))
    assert reaches(lab, "n1", "n2")


def test_a_full_disk_takes_no_more_until_it_is_freed(lab: Lab) -> None:
    file = shlex.quote(f"{DATA}/of-a-user")
    sh(lab, "n1", f"touch {file} && chown nobody {file}")
    write = f"runuser -u nobody -- sh -c 'head -c 65536 /dev/zero > {file}'"
    _, at = struck(lab, fault("disk-full"), "f1")
    assert lab.exec("n1", ["sh", "-c", write]).returncode != 0
    ends_by_itself(lambda: lab.exec("n1", ["sh", "-c", write]).returncode == 0, at)
    assert FILL not in sh(lab, "n1", f"ls {DATA}")


def test_every_core_is_busy_for_as_long(lab: Lab) -> None:
    loops = "pgrep -c -f '^sh -c while :; do :; done$' || true"
    _, at = struck(lab, fault("cpu"), "b1")
    cores = sh(lab, "n1", "nproc")
    until(lambda: sh(lab, "n1", loops) == cores, what="the loops", timeout=5)
    ends_by_itself(lambda: sh(lab, "n1", loops) == "0", at)


def test_a_killed_host_boots_again(lab: Lab) -> None:
    before = lab.part("n1").init()
    seats = (Seat("db-0", "servers", "n1", "", "debian-13", data_dir=DATA),)
    scene = Scene({("db-0", "server"): Standing("primary", True)}, seats)
    (one,) = strike(fault("primary-host"), scene, "h1")
    lab.exec("n1", ["sh", "-c", filled(lab, one.script)])  # the connection goes with the host
    until(lambda: lab.part("n1").started_after(before), what="the host", timeout=60)
    lab.part("n1").await_ssh()


def without_systemd(lab: Lab, text: Text) -> str:
    """As on a host where another program starts services: systemd's folder is hidden."""
    hidden = "unshare -m sh -c 'mount -t tmpfs none /run/systemd && exec sh'"
    return sh(lab, "n2", f"{hidden} <<'SCRIPT'\n{filled(lab, text)}\nSCRIPT")


def test_without_systemd_the_undo_comes_all_the_same(lab: Lab) -> None:
    said = without_systemd(lab, armed("w1", 3.0, "touch /run/undone", "date '+struck %s.%N'"))
    ends_by_itself(
        lambda: lab.exec("n2", ["test", "-e", "/run/undone"]).returncode == 0,
        float(said.split()[1]),
    )


def test_without_systemd_an_undo_before_its_time_leaves_nobody_asleep(lab: Lab) -> None:
    without_systemd(lab, armed("w2", 600.0, "touch /run/early", "true"))
    assert "sleep 600" in sh(lab, "n2", "ps -eo args=")
    without_systemd(lab, disarmed("w2", "touch /run/early"))
    assert lab.exec("n2", ["test", "-e", "/run/early"]).returncode == 0
    until(
        lambda: "sleep 600" not in sh(lab, "n2", "ps -eo args="),
        what="the sleeper's end",
        timeout=10,
    )


def test_without_systemd_a_load_ends_by_itself(lab: Lab) -> None:
    strike, undo = burn("w3", SECONDS)
    without_systemd(lab, armed("w3", SECONDS, undo, strike))
    busy = "while :; do :; done"
    until(lambda: busy in sh(lab, "n2", "ps -eo args="), what="the load", timeout=10)
    until(lambda: busy not in sh(lab, "n2", "ps -eo args="), what="its end", timeout=SECONDS + 20)


def test_a_script_that_comes_through_an_agent_is_on_the_node_and_outlives_it(lab: Lab) -> None:
    script = "cat /proc/self/cgroup; echo $HOME $LANG-; (sleep 3; touch /run/outlived) & exit 5"
    sh(lab, "n2", f"cat > /run/agent.sh <<'CALL'\n{shlex.join(agents.call(20))}\nCALL")
    unit = "systemd-run --quiet --wait --pipe --collect --unit=agent.service sh /run/agent.sh"
    ended = lab.exec("n2", ["sh", "-c", f"{unit} <<'SCRIPT'\n{script}\nSCRIPT"])
    assert ended.returncode == 5, ended.stderr
    lines = ended.stdout.split("\n")
    assert "agent.service" not in ended.stdout
    assert "/root -" in lines
    until(
        lambda: lab.exec("n2", ["test", "-e", "/run/outlived"]).returncode == 0,
        what="what the script left behind",
        timeout=20,
    )
