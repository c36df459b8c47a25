"""A client that writes a numbered key every few milliseconds, and counts what became of each.

Nothing here knows Redis: a Store does the writing. A number is tried again until it is
acknowledged, as an application would do it; so each number should be found exactly once at the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

INTERVAL = 0.010  # seconds from the begin of one write to the begin of the next


class NotAcknowledged(Exception):
    """The write may or may not have happened; nobody said so."""


class Store(Protocol):
    """Where numbers are written. Both calls are bounded in time."""

    def write(self, number: int) -> None:
        """Count the number once more. Raises NotAcknowledged."""
        ...

    def read(self, numbers: Iterable[int]) -> Mapping[int, int]:
        """How often each number was written; numbers never written are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What a client felt. Times are in seconds.

    `lost`: acknowledged and not there. `duplicated`: there more than once, because a write arrived
    although its acknowledgement did not. `began` and `resumed` frame the longest silence: the last
    acknowledgement before it and the first after it, on the client's clock.
    """

    acknowledged: int
    refused: int
    lost: tuple[int, ...]
    duplicated: tuple[int, ...]
    began: float
    resumed: float

    @property
    def cut_off(self) -> float:
        return self.resumed - self.began


@dataclass(slots=True)
class Ledger:
    """Acknowledgements in order, and how many tries got none."""

    times: list[float] = field(default_factory=list)  # of number 0, 1, 2, ...
    refused: int = 0

    def report(self, found: Mapping[int, int]) -> Report:
        """`found`: what reading everything back gave. Raises ValueError below two writes."""
        if len(self.times) < 2:
            raise ValueError("a silence needs two acknowledged writes to lie between")
        pairs = zip(self.times, self.times[1:], strict=False)
        began, resumed = max(pairs, key=lambda pair: pair[1] - pair[0])
        numbers = range(len(self.times))
        return Report(
            acknowledged=len(self.times),
            refused=self.refused,
            lost=tuple(number for number in numbers if not found.get(number)),
            duplicated=tuple(sorted(number for number, count in found.items() if count > 1)),
            began=began,
            resumed=resumed,
        )


class Client:
    """Writes in a thread of its own until it is stopped. `count` is safe to read meanwhile."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.monotonic,
        interval: float = INTERVAL,
    ) -> None:
        self._store = store
        self._clock = clock
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="client", daemon=True)
        self._failure: BaseException | None = None
        self.ledger = Ledger()

    @property
    def count(self) -> int:
        """How many writes were acknowledged so far."""
        return len(self.ledger.times)

    def start(self) -> None:
        self._thread.start()

    def await_count(self, count: int, timeout: float) -> None:
        """Wait for the number of acknowledged writes. Raises TimeoutError, or what ended it."""
        end = time.monotonic() + timeout
        while self.count < count:
            if self._failure is not None:
                raise self._failure
            if time.monotonic() > end:
                raise TimeoutError(f"{self.count} of {count} writes acknowledged in {timeout:g} s")
            time.sleep(self._interval)

    def stop(self, timeout: float = 10) -> None:
        """End writing. Raises TimeoutError when a write hangs, or what ended it before."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"the client's last write takes longer than {timeout:g} s")
        if self._failure is not None:
            raise self._failure

    def report(self) -> Report:
        """Read everything back, the number that got no acknowledgement before the end included."""
        return self.ledger.report(self._store.read(range(self.count + 1)))

    def _loop(self) -> None:
        try:
            due = self._clock()
            while not self._stop.is_set():
                self._once()
                due = max(due + self._interval, self._clock())
                self._stop.wait(max(0.0, due - self._clock()))
        except BaseException as error:  # noqa: BLE001 - raised where the caller waits
            self._failure = error

    def _once(self) -> None:
        try:
            self._store.write(self.count)
        except NotAcknowledged:
            self.ledger.refused += 1
        else:
            self.ledger.times.append(self._clock())
