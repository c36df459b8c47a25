"""What others put on real hosts is refused, and left alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hosts_lab import TTL, apply, built, emptied
from small_service import (
    different,
    need,
    service,
    target,
    workload,
)

from conftest import MakeLab
from opsctl.lab import Lab
from opsctl.ports import Fence, Work

pytestmark = pytest.mark.lab


@pytest.fixture(name="lab", scope="module")
def a_lab(make_lab: MakeLab) -> Lab:
    return make_lab("hosts-neighbours", data_mib=64)


@pytest.fixture(name="clean")
def a_clean_lab(lab: Lab) -> Iterator[Lab]:
    yield from emptied(lab)


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
