"""down leaves nothing behind, whatever state it finds; up after a crash completes the lab."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab_traces import leftovers
from opsctl.lab import LabSpec, find, up
from opsctl.lab.cgroup import PREFIX, Cgroup
from opsctl.lab.commands import until
from opsctl.lab.folder import Folder

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[2]
UP = """
import sys
from pathlib import Path
from opsctl.lab import LabSpec, up
up(LabSpec(sys.argv[1], 3), state_dir=Path(sys.argv[2]), progress=lambda _: None)
"""


@pytest.mark.parametrize("again", [True, False], ids=["completed", "removed"])
@pytest.mark.parametrize("after", [0.1, 0.25, 0.4, 0.6, 0.8, 1.0, 1.3])
def test_an_up_killed_at_any_moment_can_be_completed_or_removed(
    tmp_path: Path, after: float, again: bool
) -> None:
    name = f"crash-{os.getpid()}"
    folder = Folder(tmp_path / name)
    with subprocess.Popen(
        [sys.executable, "-c", UP, name, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    ) as caller:
        time.sleep(after)  # the moment of the crash is what the test varies
        os.killpg(caller.pid, signal.SIGKILL)
    try:
        if again:
            lab = up(LabSpec(name, 3), state_dir=tmp_path, progress=lambda _: None)
            assert all(host.running for host in lab.hosts)
    finally:
        if lab_there := find(name, state_dir=tmp_path):
            lab_there.down()
    # A host's start that was on its way finds nothing to start, a moment later.
    until(lambda: leftovers(folder) == [], what="nothing to be left", timeout=30)


def test_what_joins_a_group_while_it_is_removed_ends_too() -> None:
    """A host that was just started joins in its own time, be its caller killed or not."""
    group = Cgroup(f"{PREFIX}late-{os.getpid()}/n1")
    group.make()
    script = 'sleep "$1"; echo $$ > "$2"/cgroup.procs && exec sleep 600'
    late = [
        subprocess.Popen(
            ["sh", "-c", script, "sh", f"{number / 100:g}", str(group.path)],
            stderr=subprocess.DEVNULL,
        )
        for number in range(60)
    ]
    above = Cgroup(str(Path(group.name).parent))
    above.kill()
    above.remove()
    for process in late:
        assert process.wait(timeout=10) != 0
    assert not above.path.exists()


def test_down_twice_and_without_a_record_removes_everything(tmp_path: Path) -> None:
    lab = up(LabSpec(f"gone-{os.getpid()}", 2), state_dir=tmp_path, progress=lambda _: None)
    lab.faults.unplug("n1")
    assert leftovers(lab.folder) != []
    (lab.folder.path / "lab.json").write_text("{ broken")
    lab.down()
    lab.down()
    assert leftovers(lab.folder) == []


def test_down_does_not_need_the_folder(tmp_path: Path) -> None:
    name = f"lost-{os.getpid()}"
    lab = up(LabSpec(name, 1), state_dir=tmp_path, progress=lambda _: None)
    lab.folder.path.rename(tmp_path / "elsewhere")
    found = find(name, state_dir=tmp_path)
    assert found is not None
    found.down()
    assert leftovers(lab.folder) == []


def test_down_ends_hosts_that_are_paused_filled_or_cut_off(tmp_path: Path) -> None:
    lab = up(LabSpec(f"bad-{os.getpid()}", 3), state_dir=tmp_path, progress=lambda _: None)
    lab.faults.pause("n1")
    lab.faults.partition(["n1"], ["n2", "n3"])
    lab.faults.fill_disk("n2")
    lab.faults.kill("n3")
    lab.down()
    assert leftovers(lab.folder) == []
