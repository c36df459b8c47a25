"""Base images: built once, whole or not at all. A stand-in plays mmdebstrap here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opsctl.errors import OpsError
from opsctl.lab import LabSpec, find, up
from opsctl.lab.images import image

pytestmark = pytest.mark.lab


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")
    return folder


def stand_in(programs: Path, script: str) -> None:
    program = programs / "mmdebstrap"
    program.write_text(f"#!/bin/bash\nset -e\ntarget=${{@: -2:1}}\n{script}\n")
    program.chmod(0o755)


def test_two_that_want_an_image_at_once_build_it_once(programs: Path, tmp_path: Path) -> None:
    stand_in(programs, f'echo built >> {tmp_path}/calls; sleep 0.3; mkdir "$target"')

    def make(_: int) -> Path:
        return image("debian-13", ["x"], tmp_path, lambda _: None)

    with ThreadPoolExecutor() as pool:
        first, second = pool.map(make, range(2))
    assert first == second
    assert first.is_dir()
    assert (tmp_path / "calls").read_text() == "built\n"
    left = sorted(path.suffix for path in first.parent.iterdir())
    assert left == ["", ".lock"]


def test_a_build_that_fails_says_why_and_leaves_no_image(programs: Path, tmp_path: Path) -> None:
    stand_in(programs, 'mkdir "$target"; echo "E: no route to the mirror"; exit 25')
    with pytest.raises(OpsError) as error:
        image("debian-13", [], tmp_path, lambda _: None)
    assert error.value.code == "lab/image"
    assert "E: no route to the mirror" in error.value.details
    stand_in(programs, 'test ! -e "$target"; mkdir "$target"')
    assert image("debian-13", [], tmp_path, lambda _: None).is_dir()


def test_a_lab_whose_image_fails_can_be_removed(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(programs, "exit 1")
    monkeypatch.setenv("OPSCTL_CACHE", str(tmp_path / "cache"))
    with pytest.raises(OpsError):
        up(LabSpec("no-image", 1), state_dir=tmp_path / "state", progress=lambda _: None)
    lab = find("no-image", state_dir=tmp_path / "state")
    assert lab is not None
    lab.down()
    assert find("no-image", state_dir=tmp_path / "state") is None
