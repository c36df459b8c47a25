"""Hosts that can't be worked on, each told apart; and the odd ways in that do work: sudo with a
password, a bastion, an Ansible inventory, a Debian 12 host beside Debian 13 ones."""

from __future__ import annotations

import re
import subprocess

import pytest
from lab_site import Ended, Site, members
from redis_client import await_whole

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
# n1 and n3 are Debian 13 hosts, n2 is a Debian 12 host.
SPEC = """\
opsctl: 1
name: shop
targets:
  dc:
    hosts:
      n1: {{address: {n1}}}
      n2: {{address: {n2}}}
      n3: {{address: {n3}}}
    ssh: {{user: root, key: {key}, known_hosts: {known_hosts}, connect_timeout: 3s}}
services:
  sessions: {{engine: redis, on: dc, place: {{hosts: [n1]}}, memory: 32MiB}}
  elder: {{engine: redis, on: dc, place: {{hosts: [n2]}}, memory: 32MiB}}
"""
UNIT = "opsctl-shop-{0}-redis@{0}-0.service"


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    site = make_site("badhosts", system="mixed")
    addresses = {host.name: host.address for host in site.lab.hosts}
    site.write(SPEC.format(**addresses, key=site.lab.key, known_hosts=site.lab.known_hosts))
    return site


def spec(site: Site, before: str, after: str) -> str:
    """Another spec beside the site's own; gives its name."""
    assert before in site.spec
    (site.folder / "other.yaml").write_text(site.spec.replace(before, after))
    return "other.yaml"


def assert_away(site: Site, code: str, *words: str, file: str, hosts: int = 3) -> Ended:
    """`hosts` hosts are said to be away, each with the code, the words and a hint."""
    planned = site.run("plan", "-f", file)
    assert planned.exit == 6, planned.out + planned.err
    assert planned.out.count(f"error[{code}] host dc/n") == hosts
    assert planned.out.count("hint: ") >= hosts
    for word in words:
        assert word in planned.out
    site.refused(6, "apply/unreachable", "apply", "--yes", "-f", file)
    return planned


def address(site: Site, name: str) -> str:
    return next(host.address for host in site.lab.hosts if host.name == name)


def test_a_refused_key_is_said_so(site: Site) -> None:
    key = site.folder / "stranger"
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(argv, check=True, timeout=30)
    file = spec(site, f"key: {site.lab.key}", "key: stranger")
    assert_away(site, "hosts/key-refused", "refused the key", "ssh-copy-id", file=file)


def test_a_host_key_that_nobody_has_accepted_is_refused(site: Site) -> None:
    (site.folder / "nobody_known").write_text("")
    # A connection that is kept would not look at the key again.
    file = spec(
        site,
        f"known_hosts: {site.lab.known_hosts}",
        "known_hosts: nobody_known, options: [ControlPath=none]",
    )
    words = f"the host key of {address(site, 'n1')} is not in known_hosts"
    assert_away(site, "hosts/host-key", words, "accept it once", file=file)


@pytest.mark.parametrize(
    ("login", "words"),
    [
        ("user: nosudo, become: false", "the program does not run as root there"),
        ("user: nosudo", "sudo"),
        ("user: ops", "sudo asks for a password"),
    ],
)
def test_a_user_who_can_not_become_root_is_said_so(site: Site, login: str, words: str) -> None:
    file = spec(site, "user: root", login)
    code = "hosts/no-root" if "false" in login else "hosts/no-sudo"
    assert_away(site, code, words, file=file)


def test_sudo_s_password_that_is_wrong_or_unknown_is_said_so(site: Site) -> None:
    file = spec(site, "user: root", "user: ops, become_password: {secret: sudo}")
    ended = site.refused(4, "secrets/missing", "plan", "-f", file)
    assert "opsctl secrets set sudo" in ended.err
    site.ok("secrets", "set", "sudo", "-f", file, text="wrong\n")
    ended = site.run("plan", "-f", file)
    assert ended.exit == 6
    assert ended.out.count("error[hosts/no-sudo] host dc/n") == 3
    assert "sudo refused the password" in ended.out


def test_sudo_with_its_password_from_the_secrets_builds_on_debian_12_and_13(site: Site) -> None:
    password = site.lab.password_file.read_text().strip()
    site.edit("user: root", "user: ops, become_password: {secret: sudo}")
    site.ok("secrets", "set", "sudo", text=f"{password}\n")
    site.apply()
    site.assert_converged()
    await_whole(site, "sessions", members=1)
    await_whole(site, "elder", members=1)


def test_logs_of_a_user_who_may_not_read_them_are_not_just_empty(site: Site) -> None:
    ended = site.run("logs", "elder")
    assert ended.exit == 1
    assert "ops may not read logs here: usermod -aG systemd-journal ops" in ended.err
    site.on("n2", "usermod", "-aG", "systemd-journal", "ops")
    other = spec(site, "user: ops,", "user: ops, options: [ControlPath=none],")
    assert "Ready to accept connections" in site.ok("logs", "elder", "-f", other).out


def test_each_system_gets_its_own_version_and_units_without_a_word_from_systemd(
    site: Site,
) -> None:
    site.assert_converged()
    assert "v=7.0" in site.on("n2", "redis-server", "--version")
    assert "v=8.0" in site.on("n1", "redis-server", "--version")
    steps = {
        host: site.shell(host, f"systemctl show -P RestartSteps {UNIT.format(service)}").strip()
        for host, service in (("n1", "sessions"), ("n2", "elder"))
    }
    assert steps == {"n1": "5", "n2": ""}
    for host in ("n1", "n2"):
        said = site.shell(host, "journalctl -b --no-pager -o cat _PID=1")
        complaints = [
            line for line in said.splitlines() if "opsctl-shop" in line and "nknown" in line
        ]
        assert complaints == []
        files = "/etc/systemd/system/opsctl-shop-*.service"
        seen = site.shell(host, f"systemd-analyze verify {files} 2>&1")
        assert "opsctl-shop" not in seen


def test_a_service_on_hosts_of_two_systems_is_refused_before_anything_is_built(site: Site) -> None:
    file = spec(
        site,
        "services:\n",
        "services:\n  both: {engine: redis, on: dc, replicas: 3, memory: 32MiB}\n",
    )
    ended = site.run("plan", "-f", file)
    assert ended.exit == 4
    assert "[redis/mixed-versions]" in ended.out
    assert re.search(r"both-\d on n2 \(debian-12: 7\.0\)", ended.out)
    refused = site.run("apply", "--yes", "-f", file)
    assert refused.exit == 4
    assert "place: {labels: ...}" in refused.err
    assert site.run("status").exit == 0


def test_an_ansible_inventory_as_the_source_of_hosts_means_the_same(site: Site) -> None:
    lines = [
        f"{host.name} ansible_host={host.address} ansible_user=root "
        f"ansible_ssh_private_key_file={site.lab.key}"
        for host in site.lab.hosts
    ]
    text = "\n".join(["[caches]", *lines, "[others]", "elsewhere ansible_host=10.255.255.1", ""])
    (site.folder / "inventory.ini").write_text(text)
    hosts = site.spec[site.spec.index("    hosts:") : site.spec.index("    ssh:")]
    ssh = site.spec[site.spec.index("    ssh:") : site.spec.index("services:")]
    (site.folder / "other.yaml").write_text(
        site.spec.replace(hosts, "    hosts: {inventory: inventory.ini, group: caches}\n").replace(
            ssh, f"    ssh: {{known_hosts: {site.lab.known_hosts}}}\n"
        )
    )
    ended = site.run("plan", "--exit-code", "-f", "other.yaml")
    assert ended.exit == 0, ended.out + ended.err
    text = (site.folder / "other.yaml").read_text().replace("group: caches", "group: cache")
    (site.folder / "other.yaml").write_text(text)
    ended = site.refused(2, "hosts/inventory-group", "plan", "-f", "other.yaml")
    assert "it has caches, others" in ended.err


def test_a_bastion_leads_to_hosts_that_can_not_be_reached_directly(site: Site) -> None:
    bastion = f"root@{address(site, 'n1')}"
    direct = f"n2: {{address: {address(site, 'n2')}}}"
    behind = f"n2: {{address: {address(site, 'n2')}, ssh: {{bastion: {bastion}}}}}"
    # Not over a connection that is kept from before: that one was direct.
    (site.folder / "other.yaml").write_text(
        site.spec.replace(direct, behind).replace(
            "user: ops,", "user: ops, options: [ControlPath=none],"
        )
    )
    with_fault = site.lab.faults.partition(["control"], ["n2"], for_=120)
    try:
        assert site.run("plan").exit == 6
        ended = site.run("plan", "--exit-code", "-f", "other.yaml")
        assert ended.exit == 0, ended.out + ended.err
        site.ok("restart", "elder", "--yes", "-f", "other.yaml")
    finally:
        site.lab.faults.heal(with_fault)
    assert members(site.status(), "elder")
