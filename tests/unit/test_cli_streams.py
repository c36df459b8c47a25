"""Output that has no reader or no room any more stops no work."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_world import World, make_world

from opsctl.cli.views import Screen
from opsctl.cli.views.progress import Progress
from opsctl.errors import Exit
from opsctl.ports import Event

FULL = Path("/dev/full")
BUILT = {0: "new", 1: "new", 2: "new"}


@pytest.fixture(name="world")
def a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


class Broken(io.StringIO):
    """Fails as a file or a terminal does."""

    def __init__(self, number: int, terminal: bool = False) -> None:
        super().__init__()
        self.number, self.terminal = number, terminal

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO, errno.ENOSPC], ids=errno.errorcode.get)
@pytest.mark.parametrize("output", ["human", "json"])
def test_an_apply_whose_progress_can_not_be_written_goes_on(
    number: int, output: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", Broken(number))
    assert world.call("apply", "--yes", "-o", output) == Exit.DONE
    assert world.target.content == BUILT
    assert world.target.records[-1].ended == "done"


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO], ids=errno.errorcode.get)
def test_progress_on_a_terminal_that_has_closed_stops_nothing(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", Broken(number, terminal=True))
    progress = Progress(Screen())
    with progress.shown():
        progress(Event("", "build on n1", "begin", "build/dc/n1"))
        progress(Event("", "build on n1", "done", "build/dc/n1"))


def test_a_question_on_a_terminal_that_has_closed_is_not_answered_yes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def readline() -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("sys.stderr", Broken(errno.EIO, terminal=True))
    monkeypatch.setattr("sys.stdin.readline", readline, raising=False)
    assert not Screen().ask("Apply?")


def test_an_apply_whose_report_can_not_be_written_ends_with_what_it_did(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout", Broken(errno.ENOSPC))
    assert world.call("apply", "--yes") == Exit.DONE
    assert "error[cli/unwritten] standard output\n" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["human", "json"])
def test_a_result_for_which_there_is_no_room_is_a_failure_and_no_mistake_of_opsctl(
    output: str, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout", Broken(errno.ENOSPC))
    assert world.call("plan", "-o", output) == Exit.FAILED
    err = capsys.readouterr().err
    assert "cli/unwritten" in err
    assert "No space left on device" in err


@pytest.mark.parametrize("output", ["human", "json"])
def test_who_watches_and_goes_away_ends_the_watching(
    output: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.target.content = dict(BUILT)
    monkeypatch.setattr("sys.stdout", Broken(errno.EPIPE))
    assert world.call("status", "--watch", "--interval", "0.2", "-o", output) == Exit.DONE


def call(words: str, redirected: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from opsctl.cli.main import main; sys.exit(main(sys.argv[1:]))"
    line = f'"$0" -c "$1" {words} {redirected}'
    argv = ["sh", "-c", line, sys.executable, program]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_a_stream_that_the_caller_has_closed_is_written_to_by_nobody() -> None:
    assert call("version", ">&-").returncode == Exit.DONE
    assert call("version --wrong", "2>&-").returncode == Exit.INPUT


def test_a_full_disk_behind_a_real_stream_is_told_once_and_at_exit_nothing_more() -> None:
    told = call("version", f"> {FULL}")
    assert told.returncode == Exit.FAILED
    assert told.stderr.startswith("error[cli/unwritten] standard output\n")
    assert "Exception ignored" not in told.stderr
    assert call("version --wrong", f"2> {FULL}").returncode == Exit.INPUT
