"""Folders of a run: gone at its end, and those of a killed opsctl at the next one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from opsctl.targets.hosts.scratch import PREFIX, YOUNG, scratch

HOLD = """
import sys, tempfile
from opsctl.targets.hosts.scratch import scratch
tempfile.tempdir = sys.argv[1]
with scratch() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def folders(base: Path) -> set[str]:
    return {path.name for path in base.glob(f"{PREFIX}*")}


def test_a_folder_goes_with_its_run(base: Path) -> None:
    with scratch() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "more").write_text("x")
        assert folders(base) == {folder.name}
    assert folders(base) == set()


def test_the_folder_of_a_living_opsctl_stays_and_that_of_a_killed_one_goes(base: Path) -> None:
    call = [sys.executable, "-c", HOLD, str(base)]
    pipe = subprocess.PIPE
    with subprocess.Popen(call, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout
        theirs = Path(other.stdout.readline().strip())
        with scratch():
            assert theirs.exists()
        other.kill()
    assert theirs.exists()
    with scratch() as mine:
        assert folders(base) == {mine.name}


def test_a_folder_without_a_lock_goes_once_nobody_can_be_about_to_take_one(base: Path) -> None:
    young, old = base / f"{PREFIX}young", base / f"{PREFIX}old"
    for folder in (young, old):
        folder.mkdir()
    long_ago = old.stat().st_mtime - YOUNG - 1
    os.utime(old, (long_ago, long_ago))
    with scratch() as mine:
        assert folders(base) == {mine.name, young.name}


def test_a_link_with_such_a_name_is_left_alone(base: Path) -> None:
    elsewhere = base / "elsewhere"
    elsewhere.mkdir()
    (base / f"{PREFIX}link").symlink_to(elsewhere)
    with scratch():
        pass
    assert elsewhere.exists()
    assert (base / f"{PREFIX}link").is_symlink()
