"""Progress of a run: a live display on a terminal, plain lines or JSON elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from opsctl.cli.views.lines import BAD, DIM, GOOD, line, listed
from opsctl.cli.views.screen import Screen
from opsctl.ports import Event

_RECENT = 8  # places whose last words are shown


@dataclass(frozen=True, slots=True)
class _Running:
    """A step that began, and who said so: what others say of it is said on the way."""

    title: str
    where: str
    began: float


class Progress:
    """Takes Events from any thread, and knows what runs, so that a stop can say so."""

    def __init__(self, screen: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._clock = clock
        self._lock = threading.RLock()  # a signal may ask `waiting_for` in the midst of an event
        self._running: dict[str, _Running] = {}  # by step
        self._words: dict[str, str] = {}  # place -> what it said last
        self._live: Live | None = None

    def __call__(self, event: Event) -> None:
        with self._lock:
            event = self._ranked(event)
            took = self._keep(event)
        # Shown without the lock: the display's thread holds another when it asks for a picture.
        if self._screen.output == "json":
            self._screen.object(_event_data(event))
        elif self._live is None:
            self._screen.say(_plain(event, took))
        elif event.kind in ("done", "failed"):
            self._screen.err.print(_ended(event, took), soft_wrap=True)

    def waiting_for(self) -> str:
        """The steps that are running, in words."""
        with self._lock:
            return listed([step.title for step in self._running.values()]) or "the next step"

    @contextmanager
    def shown(self) -> Iterator[Progress]:
        """Shows it while the block runs."""
        if not self._screen.lively:
            yield self
            return
        live = Live(console=self._screen.err, transient=True, get_renderable=self._picture)
        with live:
            self._live = live
            try:
                yield self
            finally:
                self._live = None

    def _ranked(self, event: Event) -> Event:
        """A step begins and ends once; a place's own begin and end within it are progress."""
        step = self._running.get(event.step)
        if step is None or event.where == step.where:
            return event
        words = f"failed: {event.words}" if event.kind == "failed" else event.words
        return replace(event, kind="progress", words=words)

    def _keep(self, event: Event) -> float:
        """Remembers what runs; gives how many seconds a step that ends took."""
        now = self._clock()
        if event.kind == "begin":
            self._running[event.step] = _Running(event.words, event.where, now)
        elif event.kind in ("done", "failed"):
            step = self._running.pop(event.step, None)
            if not self._running:
                self._words.clear()
            return now - step.began if step else 0.0
        else:
            self._words.pop(event.where, None)  # so that the newest stands last
            self._words[event.where] = event.words
        return 0.0

    def _picture(self) -> Group:
        """One line for every step that runs, then what was said last."""
        with self._lock:
            now = self._clock()
            rows: list[Spinner | Text] = [
                Spinner("dots", line(step.title, (f"  {now - step.began:.0f} s", DIM)))
                for step in self._running.values()
            ]
            rows += [
                line((f"    {where}: " if where else "    ", DIM), words)
                for where, words in list(self._words.items())[-_RECENT:]
            ]
        return Group(*rows)


def _ended(event: Event, took: float) -> Text:
    if event.kind == "done":
        return line(("✓ ", GOOD), event.words, (f"  {took:.1f} s", DIM))
    return line(("✗ ", BAD), event.words, (f"  failed after {took:.1f} s", BAD))


def _plain(event: Event, took: float) -> str:
    if event.kind == "done":
        return f"done: {event.words} ({took:.1f} s)"
    if event.kind == "failed":
        return f"failed: {event.words} ({took:.1f} s)"
    if event.kind == "begin":
        return f"begin: {event.words}"
    return f"  {event.where}: {event.words}" if event.where else f"  {event.words}"


def _event_data(event: Event) -> dict[str, str]:
    return {"event": event.kind, "step": event.step, "where": event.where, "words": event.words}
