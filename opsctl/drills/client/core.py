"""What the client's parts share: its settings, its record of attempts, what an engine must offer.

Times are seconds on the monotonic clock since the run began; `Clock.wall` ties them to the day.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, NamedTuple, Protocol

Outcome = Literal["ok", "error", "unknown"]


class Refused(Exception):
    """The server answered no: nothing was written. `kind` is its word for it.

    `leave`: this server won't say yes soon, so the connection is given up as real clients do.
    """

    def __init__(self, kind: str, leave: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.leave = leave


@dataclass(frozen=True)
class Settings:
    """What the program is told on its standard input. Seconds everywhere."""

    host: str
    port: int
    run: str  # names the drill's own keys
    user: str = ""
    password: str = field(default="", repr=False)
    mode: Literal["write", "read"] = "write"
    writers: int = 1
    period: float = 0.01
    timeout: float = 0.5  # how long an answer is waited for, and how late a write may still be sent
    backoff: float = 0.02  # between two tries to connect
    before: float = 3.0  # runs at least so long before it says that it is ready
    steady: float = 1.0  # and has been served for so long on end by then
    patience: float = 20.0  # not ready by then: the run ends without a result
    duration: float = 60.0  # from ready on, at most
    at_least: float = 0.0  # from ready on; no early end before that
    settle: float = 5.0  # served again for so long after a cut-off: the run ends early
    gap_floor: float = 0.1  # a longer time without an acknowledged write is a cut-off
    read_within: float = 30.0  # for reading everything back
    keep: float = 3600.0  # after which the server itself drops what a dead client left
    # The caller says on standard input that the fault is "over": `at_least` counts from there, and
    # no cut-off is waited for. Another word, or that input's end, ends the run: it outlives no
    # caller.
    held: bool = False
    progress: bool = False

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Settings:
        """Raises ValueError for a key that isn't one, or one that is missing."""
        unknown = set(given) - {each.name for each in fields(cls)}
        missing = {"host", "port", "run"} - set(given)
        if unknown or missing:
            raise ValueError(f"settings unknown: {sorted(unknown)}, missing: {sorted(missing)}")
        return cls(**given)  # type: ignore[arg-type]


class Attempt(NamedTuple):
    """One write that was due, and its fate. Each number is sent at most once.

    `unknown`: sent, and no answer came. `sent` is None when it never left the client.
    """

    writer: int
    seq: int
    due: float
    sent: float | None
    ended: float
    outcome: Outcome
    kind: str = ""  # why not ok


class Clock:
    """Seconds since the run began. `wall` is the epoch at zero, as this machine has it."""

    def __init__(self) -> None:
        self.zero = time.monotonic()
        self.wall = time.time()

    def __call__(self) -> float:
        return time.monotonic() - self.zero


class Halt:
    """The word to end. What was due before it is still brought to its end."""

    def __init__(self) -> None:
        self.said = asyncio.Event()
        self.at = float("inf")

    def say(self, at: float) -> None:
        self.at = min(at, self.at)
        self.said.set()


class Connection(Protocol):
    """One connection of one writer, as an engine's client offers it.

    Its calls raise Refused, or OSError and EOFError when the connection is gone. They need no
    timeout of their own.
    """

    def gone(self) -> bool:
        """Whether it is known to be closed, so that nothing need be sent to find out."""
        ...

    async def write(self, seq: int) -> None: ...

    async def read(self) -> None:
        """Any read that only a server which serves will answer."""
        ...

    async def read_all(self) -> list[int]:
        """The numbers that this writer's key holds, in the order that the server has them."""
        ...

    async def forget(self) -> None:
        """Removes this writer's key."""
        ...

    def close(self) -> None: ...


class Connect(Protocol):
    async def __call__(self, settings: Settings, writer: int, /) -> Connection: ...
