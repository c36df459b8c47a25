"""Progress of a run: a live display on a terminal, plain lines or JSON elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from opsctl.cli.views.lines import BAD, DIM, GOOD, line, listed
from opsctl.cli.views.screen import Screen
from opsctl.ports import Event


class Progress:
    """Takes Events from any thread, and knows what runs, so that a stop can say so."""

    def __init__(self, screen: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._clock = clock
        self._lock = threading.RLock()  # a signal may ask `waiting_for` in the midst of an event
        self._running: dict[str, tuple[str, float]] = {}  # step -> title, when it began
        self._words: dict[str, str] = {}  # place -> what it said last
        self._live: Live | None = None

    def __call__(self, event: Event) -> None:
        with self._lock:
            took = self._keep(event)
        # Shown without the lock: the display's thread holds another when it asks for a picture.
        if self._screen.output == "json":
            self._screen.object(_event_data(event))
        elif self._live is not None:
            self._move(event, took)
        else:
            self._screen.say(_plain(event, took))

    def waiting_for(self) -> str:
        """The steps that are running, in words."""
        with self._lock:
            return listed([title for title, _ in self._running.values()]) or "the next step"

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

    def _keep(self, event: Event) -> float:
        """Remembers what runs; gives how many seconds a step that ends took."""
        if event.kind == "begin":
            self._running[event.step] = (event.words, self._clock())
        elif event.kind in ("done", "failed"):
            self._words.pop(event.where, None)
            _, began = self._running.pop(event.step, ("", self._clock()))
            return self._clock() - began
        else:
            self._words[event.where] = event.words
        return 0.0

    def _move(self, event: Event, took: float) -> None:
        if event.kind in ("done", "failed"):
            self._screen.err.print(_ended(event, took), soft_wrap=True)
            if not self._running:
                self._words.clear()

    def _picture(self) -> Group:
        """One line for every step that runs, then the last words of every place."""
        with self._lock:
            now = self._clock()
            rows: list[Spinner | Text] = [
                Spinner("dots", line(title, (f"  {now - began:.0f} s", DIM)))
                for title, began in self._running.values()
            ]
            rows += [
                line((f"    {where}: " if where else "    ", DIM), words)
                for where, words in sorted(self._words.items())
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
