"""The apply of `make demo`, killed after each of its steps: it ends in the same place."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from host_state import assert_same_state, host_state
from lab_site import ROOT, Site, await_until
from redis_client import await_whole
from route_client import vip

from conftest import MakeLab

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.timeout(5400)]

APPLY = ("apply", "--yes", "--max-impact", "failover")
KNOWN = {"OPSCTL_LOCK_TTL": "12"}
MOST = 60  # steps


def fresh(make_lab: MakeLab, folder: Path, seed: Path) -> Site:
    """Hosts on which nothing was ever built, and the demo's spec for them. What is in `seed`, the
    secrets of the first, is every other's: builds with one root key have files that are equal."""
    if seed.exists():
        shutil.copytree(seed, folder)
    site = Site(folder, make_lab("intrd"), "", KNOWN)
    spec = (ROOT / "examples" / "demo" / "opsctl.yaml").read_text()
    for before, after in {
        "hosts: lab}": "hosts: 'lab:intrd'}",
        "name: demo": "name: shop",
        "vip: 10.77.0.100": f"vip: {vip(site)}",
        "secrets: {backend: file, path: secrets.yaml, password_file: vault-password}\n": "",
    }.items():
        assert before in spec
        spec = spec.replace(before, after)
    site.write(spec)
    if not seed.exists():
        site.ok("secrets", "init")
        site.ok("secrets", "set", "pager", text="http://192.0.2.1/")
        shutil.copytree(folder, seed)
    return site


def assert_whole(site: Site) -> None:
    await_whole(site, "sessions")
    await_until(
        lambda: [one["name"] for one in site.status()["services"] if not one["healthy"]],
        lambda ill: ill == [],
        "all services to be healthy",
        120,
    )
    site.assert_converged()
    assert site.status()["unfinished"] is None


def test_an_apply_of_the_demo_killed_after_each_of_its_steps_ends_in_the_same_place(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    wanted: dict[str, Any] = {}
    for steps in range(MOST):  # the first is not interrupted
        site = fresh(make_lab, tmp_path / str(steps), tmp_path / "seed")
        running = site.begin(*APPLY)
        done = 0
        for event in running.events():
            done += event["event"] == "done"
            if steps and done == steps:
                running.kill()
                break
        else:
            assert running.end(240).exit == 0
            assert_whole(site)
            if wanted:
                assert_same_state(site, wanted)
                return
            wanted = host_state(site)
            continue
        site.once_free(*APPLY, seconds=240)
        assert_whole(site)
        assert_same_state(site, wanted)
    raise AssertionError("it never came to its end")
