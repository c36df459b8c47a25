"""Progress: what runs is known at any time, whoever tells it."""

from __future__ import annotations

import io
import json
import threading

import pytest

from opsctl.cli.views import Screen
from opsctl.cli.views.progress import Progress
from opsctl.ports import Event

BEGIN = Event("", "build on n1", "begin", "build/dc/n1")
WORK = Event("dc/n1", "package some-server", "progress", "build/dc/n1")
DONE = Event("", "build on n1", "done", "build/dc/n1")


class Clock:
    """Goes on by a second at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_elsewhere_than_on_a_terminal_every_event_is_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress(Screen(), Clock())
    with progress.shown():
        for event in (BEGIN, WORK, DONE):
            progress(event)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "begin: build on n1\n  dc/n1: package some-server\ndone: build on n1 (2.0 s)\n"


def test_a_place_that_begins_and_ends_within_a_step_is_told_as_progress(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress(Screen(), Clock())
    progress(BEGIN)
    progress(Event("dc/n1", "converging", "begin", "build/dc/n1"))
    progress(Event("dc/n1", "the disk is full", "failed", "build/dc/n1"))
    assert progress.waiting_for() == "build on n1"
    assert capsys.readouterr().err == (
        "begin: build on n1\n  dc/n1: converging\n  dc/n1: failed: the disk is full\n"
    )


def test_programs_get_one_object_for_every_event(capsys: pytest.CaptureFixture[str]) -> None:
    Progress(Screen("json"))(WORK)
    assert json.loads(capsys.readouterr().err) == {
        "event": "progress",
        "step": "build/dc/n1",
        "where": "dc/n1",
        "words": "package some-server",
    }


def test_what_is_waited_for_can_be_told_at_any_time() -> None:
    progress = Progress(Screen())
    assert progress.waiting_for() == "the next step"
    progress(BEGIN)
    progress(Event("", "build on n2", "begin", "build/dc/n2"))
    assert progress.waiting_for() == "build on n1 and build on n2"
    progress(DONE)
    assert progress.waiting_for() == "build on n2"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_many_threads_may_tell_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    progress = Progress(Screen())

    def tell(number: int) -> None:
        for _ in range(50):
            step = f"s{number}"
            progress(Event("", f"step {number}", "begin", step))
            progress(Event(f"n{number}", "works", "progress", step))
            progress(Event("", f"step {number}", "done", step))

    with progress.shown():
        threads = [threading.Thread(target=tell, args=(n,), daemon=True) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive(), "progress and display wait for each other"
    assert terminal.getvalue().count("✓") == 400
