"""Labs for lab tests: one per test file, named after it, gone at its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab_site import Site, lab_up

from opsctl.lab import Lab, find

REDIS = """\
opsctl: 1
name: shop
targets:
  dc: {{hosts: 'lab:{lab}'}}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: fast
    memory: 64MiB
"""

MakeLab = Callable[..., Lab]
MakeSite = Callable[..., Site]


@pytest.fixture(scope="module")
def make_lab() -> Iterator[Callable[..., Lab]]:
    made: list[Lab] = []

    def make(name: str, hosts: int = 3, **more: int | str) -> Lab:
        old = find(name)
        if old is not None:
            old.down()
        made.append(lab_up(name, hosts, **more))
        return made[-1]

    yield make
    if not os.environ.get("OPSCTL_KEEP_LABS"):
        for lab in made:
            lab.down()


@pytest.fixture(scope="module")
def make_site(make_lab: Callable[..., Lab], tmp_path_factory: pytest.TempPathFactory) -> MakeSite:
    """A site on a fresh lab, its root key made."""

    def make(name: str, hosts: int = 3, spec: str = REDIS, **more: int | str) -> Site:
        lab = make_lab(name, hosts, **more)
        folder: Path = tmp_path_factory.mktemp(name)
        site = Site(folder, lab, spec.format(lab=name))
        site.ok("secrets", "init")
        return site

    return make
