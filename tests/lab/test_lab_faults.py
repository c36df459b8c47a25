"""Faults strike as told, heal when told, and heal by themselves when the caller is dead."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from opsctl.errors import OpsError
from opsctl.lab import CONTROL, Lab, LabSpec, undo, up
from opsctl.lab.commands import until
from opsctl.lab.host import BOOT_TIMEOUT

pytestmark = pytest.mark.lab
NAME = f"faults-{os.getpid()}"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def whole() -> Iterator[Lab]:
    made = up(LabSpec(NAME, 3, data_mib=32), progress=lambda _: None)
    yield made
    made.down()


@pytest.fixture
def lab(whole: Lab) -> Iterator[Lab]:
    yield whole
    whole.faults.heal()
    assert whole.faults.active() == ()
    assert all(answers(whole, host.name) for host in whole.hosts)


def answers(lab: Lab, host: str, timeout: float = 1) -> bool:
    """Whether the host's sshd greets the machine."""
    try:
        with socket.create_connection((lab.part(host).address, 22), timeout) as connection:
            connection.settimeout(timeout)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def reaches(lab: Lab, source: str, target: str) -> bool:
    return lab.exec(source, ["ping", "-c1", "-W1", target]).returncode == 0


def test_a_killed_host_is_gone_at_once_and_starts_with_the_disk_it_had(lab: Lab) -> None:
    lab.exec("n1", ["sh", "-c", "echo kept > /root/kept"])
    lab.faults.kill("n1")
    assert [host.running for host in lab.hosts] == [False, True, True]
    assert not answers(lab, "n1", 0.3)
    with pytest.raises(OpsError) as error:
        lab.exec("n1", ["true"])
    assert error.value.code == "lab/not-running"
    lab.faults.start("n1")
    assert lab.exec("n1", ["cat", "/root/kept"]).stdout == "kept\n"
    assert lab.faults.active() == ()


def beating(lab: Lab, host: str) -> bool:
    return lab.exec(host, ["test", "-s", "/root/beats"]).returncode == 0


def test_when_hosts_were_killed_is_known(lab: Lab) -> None:
    beats = "while :; do date +%s.%N >> /root/beats; sleep 0.01; done"
    for host in ("n1", "n2"):
        lab.exec(host, ["systemd-run", "--quiet", "sh", "-c", beats])
        until(partial(beating, lab, host), what=f"a beat of {host}", timeout=10)
    first, last = lab.faults.kill("n1", "n2").struck
    lab.faults.start("n1", "n2")
    for host in ("n1", "n2"):
        beat = float(lab.exec(host, ["tail", "-n2", "/root/beats"]).stdout.split()[0])
        assert first - 1 < beat <= last


def test_up_starts_a_killed_host(lab: Lab) -> None:
    lab.faults.kill("n3")
    up(LabSpec(NAME, 3, data_mib=32), progress=lambda _: None)
    assert answers(lab, "n3")


def test_all_hosts_reboot_at_once(lab: Lab) -> None:
    before = [part.init() for part in lab.parts()]
    lab.faults.restart("n1", "n2", "n3")
    after = [part.init() for part in lab.parts()]
    assert not set(before) & set(after)
    assert all(answers(lab, host.name) for host in lab.hosts)


def test_a_paused_host_takes_connections_but_says_nothing_until_resumed(lab: Lab) -> None:
    lab.faults.pause("n2")
    address = lab.part("n2").address
    with socket.create_connection((address, 22), 2) as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(4)
        lab.faults.resume("n2")
        connection.settimeout(5)
        assert connection.recv(4) == b"SSH-"


def test_an_unplugged_host_runs_on_alone(lab: Lab) -> None:
    lab.faults.unplug("n1")
    assert not answers(lab, "n1", 0.3)
    assert not reaches(lab, "n2", "n1")
    assert lab.part("n1").address in lab.exec("n1", ["ip", "-4", "addr"]).stdout
    lab.faults.replug("n1")
    until(lambda: answers(lab, "n1"), what="n1 to answer", timeout=5)


def test_a_partition_cuts_between_the_groups_and_nowhere_else(lab: Lab) -> None:
    fault = lab.faults.partition(["n1"], ["n2", "n3"])
    assert not reaches(lab, "n1", "n2")
    assert not reaches(lab, "n3", "n1")
    assert reaches(lab, "n2", "n3")
    assert answers(lab, "n1")
    lab.faults.heal(fault)
    assert reaches(lab, "n1", "n2")


def test_the_machine_itself_can_be_on_one_side_of_a_partition(lab: Lab) -> None:
    lab.faults.partition([CONTROL, "n1"], ["n2"])
    assert not answers(lab, "n2", 0.3)
    assert not reaches(lab, "n1", "n2")
    assert answers(lab, "n3")
    assert reaches(lab, "n3", "n2")


RECEIVE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5000)); s.settimeout(float(sys.argv[1]))
try: print(s.recv(10).decode())
except TimeoutError: print("nothing")
"""
SEND = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(30): s.sendto(b"got it", (sys.argv[1], 5000)); time.sleep(0.05)
"""


def datagram(lab: Lab, source: str, target: str) -> str:
    """What a receiver on the target gets of datagrams sent for 1.5 s."""
    target_init = str(lab.part(target).init())
    listen = ["nsenter", "-t", target_init, "-n", sys.executable, "-c", RECEIVE, "1.5"]
    with subprocess.Popen(listen, stdout=subprocess.PIPE, text=True) as receiver:
        lab.exec(source, ["python3", "-c", SEND, lab.part(target).address])
        output, _ = receiver.communicate(timeout=10)
    return output.strip()


def test_a_one_way_partition_leaves_the_other_way_open(lab: Lab) -> None:
    lab.faults.partition(["n1"], ["n2"], one_way=True)
    assert datagram(lab, "n1", "n2") == "nothing"
    assert datagram(lab, "n2", "n1") == "got it"


@pytest.mark.parametrize("groups", [(["n1"], ["n1", "n2"]), ([], ["n1"])])
def test_groups_that_make_no_partition_are_refused(lab: Lab, groups: tuple[list[str], ...]) -> None:
    with pytest.raises(OpsError) as error:
        lab.faults.partition(groups[0], groups[1])
    assert error.value.code == "lab/groups"


def test_a_share_of_packets_is_lost(lab: Lab) -> None:
    lab.faults.lose("n1", percent=20)
    said = lab.exec("n1", ["ping", "-q", "-c400", "-i0.005", "-W1", "n2"]).stdout
    lost = float(re.findall(r"([\d.]+)% packet loss", said)[0])
    assert 22 < lost < 50  # both ways: 36 expected, 400 tries deviate by 2.4
    assert answers(lab, "n1")


@pytest.mark.parametrize("path", ["/", "/var/lib", "/data"])
def test_a_full_disk_refuses_writes_until_it_is_freed(lab: Lab, path: str) -> None:
    write = ["dd", "if=/dev/zero", f"of={path}/more", "bs=64k", "count=1"]
    lab.faults.fill_disk("n1", path)
    assert "No space left" in lab.exec("n1", write).stderr
    lab.faults.free("n1")
    assert lab.exec("n1", write).returncode == 0


def test_a_full_root_disk_takes_next_to_nothing_of_the_machines(lab: Lab) -> None:
    image = lab.part("n2").path / "disk.img"
    before = image.stat().st_blocks
    lab.faults.fill_disk("n2", "/")
    assert (image.stat().st_blocks - before) * 512 < 100_000_000


def test_a_disk_filled_on_a_host_that_is_killed_is_free_when_it_starts(lab: Lab) -> None:
    fault = lab.faults.fill_disk("n3", "/data")
    lab.faults.kill("n3")
    lab.faults.heal(fault)
    lab.faults.start("n3")
    assert lab.exec("n3", ["ls", "-A", "/data"]).stdout.split() == ["lost+found"]


@pytest.mark.parametrize("path", ["/run", "/tmp", "/run/host/incoming", "/nowhere"])
def test_what_is_not_a_lab_disk_is_not_filled(lab: Lab, path: str) -> None:
    with pytest.raises(OpsError) as error:
        lab.faults.fill_disk("n1", path)
    assert error.value.code == "lab/fill"
    assert lab.faults.active() == ()


STRIKE = """
import sys, time
from opsctl.lab import find
faults = find(sys.argv[1]).faults
{strike}
sys.stdout.write("struck"); sys.stdout.flush()
time.sleep(600)
"""
LASTS = 2.5
STRIKES = {
    "kill": "faults.kill('n1', for_={0})",
    "pause": "faults.pause('n1', for_={0})",
    "unplug": "faults.unplug('n1', for_={0})",
    "partition": "faults.partition(['n1'], ['control', 'n2'], for_={0})",
    "lose": "faults.lose('n1', percent=100, control=True, for_={0})",
}


@pytest.mark.parametrize("kind", STRIKES)
def test_a_fault_undoes_itself_though_its_caller_was_killed(lab: Lab, kind: str) -> None:
    program = STRIKE.format(strike=STRIKES[kind].format(LASTS))
    with subprocess.Popen(
        [sys.executable, "-c", program, NAME],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    ) as caller:
        assert caller.stdout is not None
        assert caller.stdout.read(6) == "struck"
        os.killpg(caller.pid, signal.SIGKILL)
    assert not answers(lab, "n1", 0.3)
    until(lambda: not lab.faults.active(), what="the fault to undo itself", timeout=BOOT_TIMEOUT)
    until(lambda: answers(lab, "n1"), what="n1 to answer", timeout=5)


def test_a_caller_that_died_before_striking_leaves_a_healthy_host(lab: Lab) -> None:
    undo.arm(lab.folder, "pause", ("n1",), 0.3, "")
    until(lambda: not lab.faults.active(), what="the timer", timeout=10)
    assert answers(lab, "n1")


def test_a_fault_whose_timer_died_is_undone_by_up(lab: Lab) -> None:
    fault = lab.faults.pause("n2")
    undo.timer(lab.folder, fault.id).kill()
    up(LabSpec(NAME, 3, data_mib=32), progress=lambda _: None)
    assert lab.faults.active() == ()
    assert answers(lab, "n2")


def test_a_fault_on_an_unknown_host_breaks_nothing(lab: Lab) -> None:
    for strike in (lab.faults.kill, lab.faults.pause, lab.faults.unplug):
        with pytest.raises(OpsError) as error:
            strike("n1", "n9")
        assert error.value.code == "lab/unknown-host"
    assert lab.faults.active() == ()
