"""The hosts target on real hosts: building, looking, rendering, cleaning up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts_lab import TTL, apply, built, emptied
from lab_site import await_until
from small_service import (
    PASSWORD,
    SECRET,
    different,
    need,
    service,
    target,
    workload,
    works,
)

from conftest import MakeLab
from opsctl.lab import Lab
from opsctl.ports import Event, Work
from opsctl.targets.hosts.rendering import render_project

pytestmark = pytest.mark.lab


@pytest.fixture(name="lab", scope="module")
def a_lab(make_lab: MakeLab) -> Lab:
    return make_lab("hosts-target", data_mib=64)


@pytest.fixture(name="clean")
def a_clean_lab(lab: Lab) -> Iterator[Lab]:
    yield from emptied(lab)


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
    assert clean.exec("n1", ["ls", "/run/opsctl/shop"]).returncode != 0
    assert clean.exec("n1", ["ls", "/usr/bin/memcached"]).returncode != 0


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

    def state() -> str:
        said = clean.exec("n1", ["systemctl", "is-active", "opsctl-shop-small-cache@small-0"])
        return said.stdout.strip()

    # The host lets somebody in before it has come to its turn: until then it is "inactive".
    await_until(state, lambda said: said == "active", "the server")
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
