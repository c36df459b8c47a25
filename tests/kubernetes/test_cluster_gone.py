"""down leaves nothing of a cluster, whatever state it finds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_traces import leftovers
from opsctl.lab.commands import until
from opsctl.lab.folder import Folder
from opsctl.lab.kubernetes import find, up

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parents[2]
UP = "import sys; from opsctl.lab.kubernetes import up; up(sys.argv[1], count=2, progress=print)"


@pytest.fixture
def name() -> Iterator[str]:
    called = f"k8s-gone-{os.getpid()}"
    yield called
    if left := find(called):
        left.down()


def test_down_leaves_nothing(name: str) -> None:
    cluster = up(name, count=2, progress=print)
    assert leftovers(cluster.lab.folder) != []
    cluster.down()
    assert leftovers(cluster.lab.folder) == []


def test_down_leaves_nothing_of_an_up_that_was_killed_in_the_middle(name: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UP, name],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        start_new_session=True,
    ) as caller:
        assert caller.stdout
        assert any("kubeadm init" in line for line in caller.stdout), "up ended too soon"
        os.killpg(caller.pid, signal.SIGKILL)
    half = find(name)
    assert half
    folder: Folder = half.lab.folder
    until(lambda: leftovers(folder) != [], what="traces of the half cluster", timeout=5)
    half.down()
    # What was killed together with `up` may take a moment to be gone.
    until(lambda: leftovers(folder) == [], what="nothing to be left", timeout=30)
