"""Ctrl-C, SIGTERM, a closed terminal while something is changed: stop at the next safe point."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from opsctl.cli.views import Screen
from opsctl.running.context import Stop

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stopping(screen: Screen, waiting_for: Callable[[], str]) -> Iterator[Stop]:
    """A Stop that the first signal asks for; every further one only says what is waited for."""
    stop = Stop()
    asked = 0

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal asked
        asked += 1
        stop.ask()
        word = "stopping at the next safe point" if asked == 1 else "still stopping"
        screen.say(f"{word}: waiting for {waiting_for()}")

    before = {number: signal.signal(number, handle) for number in _counting()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _counting() -> Iterator[signal.Signals]:
    """A hangup that is ignored already, as nohup does, goes on being so."""
    for number in _SIGNALS:
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            yield number
