"""Lab hosts are real enough: users, ssh, apt, systemd sandboxing, reboot; and several at once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opsctl.errors import OpsError
from opsctl.lab import Lab, LabSpec, find, up
from opsctl.lab.commands import until
from opsctl.lab.host import BOOT_TIMEOUT

pytestmark = pytest.mark.lab
NAME = f"hosts-{os.getpid()}"
SPEC = LabSpec(NAME, hosts=3, system="mixed", data_mib=32)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = up(SPEC, progress=lambda _: None)
    yield made
    made.down()


def ssh(
    lab: Lab, host: str, command: str, user: str = "root", text: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*lab.ssh(host, user), command],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_each_host_has_its_own_name_identity_and_system(lab: Lab) -> None:
    command = "hostname; cat /etc/machine-id; . /etc/os-release; echo $VERSION_CODENAME"
    said = [ssh(lab, host.name, command).stdout.split() for host in lab.hosts]
    assert [name for name, _, _ in said] == ["n1", "n2", "n3"]
    assert len({machine for _, machine, _ in said}) == 3
    assert [release for _, _, release in said] == ["trixie", "bookworm", "trixie"]


def test_no_unit_of_a_fresh_host_has_failed(lab: Lab) -> None:
    for host in lab.hosts:
        assert ssh(lab, host.name, "systemctl --failed --no-legend --plain").stdout == ""


def test_ssh_refuses_a_host_whose_key_is_not_the_known_one(lab: Lab) -> None:
    argv = lab.ssh("n1")
    argv[-1] = argv[-1].replace(".11", ".12")
    argv[1:1] = ["-o", "HostKeyAlias=n1"]
    done = subprocess.run([*argv, "true"], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 255
    assert "verification failed" in done.stderr


def test_ops_needs_its_password_for_sudo_and_nosudo_gets_none(lab: Lab) -> None:
    assert lab.password_file.stat().st_mode & 0o777 == 0o600
    password = lab.password_file.read_text()
    for host in lab.hosts:
        assert ssh(lab, host.name, "sudo -n true", "ops").returncode != 0
        given = ssh(lab, host.name, "sudo -S -p '' id -u", "ops", password)
        assert given.stdout == "0\n"
        refused = ssh(lab, host.name, "sudo -S -p '' id -u", "nosudo", password)
        assert refused.returncode != 0


def test_hosts_reach_each_other_by_name(lab: Lab) -> None:
    assert lab.exec("n1", ["ping", "-c1", "-W2", "n3"]).returncode == 0


def test_packages_install_on_two_hosts_at_once_and_the_next_lab_has_them(lab: Lab) -> None:
    install = "apt-get -qq update && apt-get -qq -y install redis-server && redis-cli ping"
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda host: ssh(lab, host, install), ["n1", "n2", "n3"]))
    assert [one.stdout.strip().splitlines()[-1] for one in done] == ["PONG"] * 3
    lab.keep_packages()
    other = up(LabSpec(f"{NAME}-next", 1), progress=lambda _: None)
    try:
        kept = other.exec("n1", ["sh", "-c", "ls /var/cache/apt/archives"]).stdout
        assert "redis-server_" in kept
        again = other.exec("n1", ["apt-get", "install", "--yes", "--print-uris", "redis-server"])
        assert "/redis-server_" not in again.stdout  # nothing of it is left to download
    finally:
        other.down()


SANDBOX = """
systemd-run --quiet --wait --pipe -p User=nosudo -p ProtectSystem=strict -p ProtectHome=yes \
 -p PrivateTmp=yes -p PrivateDevices=yes -p NoNewPrivileges=yes -p ReadWritePaths=/var/tmp \
 -p LimitNOFILE=10032 sh -c \
 'touch /etc/x 2>/dev/null && echo /etc; touch /tmp/x /var/tmp/x && echo own; ulimit -n'
ls /tmp/x 2>/dev/null
"""


def test_units_may_use_systemds_sandboxing(lab: Lab) -> None:
    for host in ("n1", "n2"):
        assert ssh(lab, host, SANDBOX).stdout.split() == ["own", "10032"]


def test_stopping_a_unit_on_one_host_leaves_the_other_hosts_alone(lab: Lab) -> None:
    assert lab.exec("n1", ["systemctl", "stop", "ssh"]).returncode == 0
    assert lab.exec("n3", ["systemctl", "is-active", "ssh"]).stdout == "active\n"
    assert ssh(lab, "n3", "true").returncode == 0
    assert lab.exec("n1", ["systemctl", "start", "ssh"]).returncode == 0


def test_a_reboot_from_inside_brings_the_host_back_with_its_disk(lab: Lab) -> None:
    before = lab.part("n2").init()
    ssh(lab, "n2", "echo kept > /root/kept; systemd-run --on-active=0 systemctl reboot")
    until(lambda: lab.part("n2").started_after(before), what="n2 to reboot", timeout=BOOT_TIMEOUT)
    lab.part("n2").await_ssh()
    assert ssh(lab, "n2", "cat /root/kept").stdout == "kept\n"


def test_the_data_disk_is_small_and_belongs_to_one_host(lab: Lab) -> None:
    said = lab.exec("n1", ["df", "--output=target,size", "-BM", "/data"]).stdout.split()
    assert said[3] == "/data"
    assert int(said[4].removesuffix("M")) <= 32
    assert lab.exec("n1", ["touch", "/data/only-here"]).returncode == 0
    assert lab.exec("n3", ["ls", "/data/only-here"]).returncode != 0


def test_exec_gives_output_and_code_and_ends_what_takes_too_long(lab: Lab) -> None:
    done = lab.exec("n1", ["sh", "-c", "cat; echo err >&2; exit 7"], text="in")
    assert (done.stdout, done.stderr, done.returncode) == ("in", "err\n", 7)
    with pytest.raises(OpsError) as error:
        lab.exec("n1", ["sleep", "4321"], timeout=0.3)
    assert error.value.code == "lab/timeout"
    assert lab.exec("n1", ["pgrep", "-f", "sleep 4321"]).stdout == ""


def test_an_unknown_host_is_named_with_those_that_exist(lab: Lab) -> None:
    with pytest.raises(OpsError) as error:
        lab.exec("n9", ["true"])
    assert error.value.code == "lab/unknown-host"
    assert "n3" in error.value.hint


def test_up_again_changes_nothing_and_up_with_another_kind_is_refused(lab: Lab) -> None:
    inits = [part.init() for part in lab.parts()]
    up(SPEC, progress=lambda _: None)
    assert [part.init() for part in lab.parts()] == inits
    with pytest.raises(OpsError) as error:
        up(LabSpec(NAME, 3, "debian-12", data_mib=32), progress=lambda _: None)
    assert error.value.code == "lab/differs"


def test_labs_side_by_side_do_not_meet(tmp_path: Path) -> None:
    names = [f"{NAME}-a", f"{NAME}-b"]

    def make(name: str) -> Lab:
        return up(LabSpec(name, 2), state_dir=tmp_path, progress=lambda _: None)

    with ThreadPoolExecutor() as pool:
        one, same, other = pool.map(make, [names[0], names[0], names[1]])
    try:
        assert one.hosts == same.hosts
        assert not {h.address for h in one.hosts} & {h.address for h in other.hosts}
        one.down()
        assert find(names[0], state_dir=tmp_path) is None
        assert all(ssh(other, host.name, "true").returncode == 0 for host in other.hosts)
    finally:
        one.down()
        other.down()
