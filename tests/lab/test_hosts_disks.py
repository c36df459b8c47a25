"""What a real host lacks: a mount, room, the package lock, a version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hosts_lab import TTL, apply, built, emptied
from lab_site import await_until
from small_service import (
    different,
    need,
    service,
    target,
    workload,
)

from conftest import MakeLab
from opsctl.lab import Lab
from opsctl.ports import Work
from opsctl.workload import Workload

pytestmark = pytest.mark.lab


@pytest.fixture(name="lab", scope="module")
def a_lab(make_lab: MakeLab) -> Lab:
    return make_lab("hosts-disks", data_mib=64)


@pytest.fixture(name="clean")
def a_clean_lab(lab: Lab) -> Iterator[Lab]:
    yield from emptied(lab)


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
