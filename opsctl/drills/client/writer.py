"""A writer that keeps to its schedule: write number n is due at n periods, whatever happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

from opsctl.drills.client.core import (
    Attempt,
    Clock,
    Connect,
    Connection,
    Halt,
    Outcome,
    Refused,
    Settings,
)
from opsctl.drills.client.line import Down, Line, kind_of


class Writer:
    """Sends one number after the other, each once, and notes what became of it.

    A write that is late because the one before it was not answered is still sent, and its latency
    counts from when it was due. One that is later than `timeout` is not sent any more: it failed.
    """

    def __init__(
        self,
        settings: Settings,
        number: int,
        connect: Connect,
        clock: Clock,
        note: Callable[[Attempt], None],
    ) -> None:
        self._settings, self._number, self._connect = settings, number, connect
        self._clock, self._note = clock, note

    async def run(self, halt: Halt) -> None:
        """Until `halt`; what was due before that is still brought to its end."""
        line = Line(self._settings, self._number, self._connect)
        try:
            for seq in count():
                due = seq * self._settings.period
                if not await self._reach(due, halt):
                    return
                self._note(await self._attempt(line, seq, due))
        finally:
            await line.close()

    async def _reach(self, due: float, halt: Halt) -> bool:
        """Wait until `due`; whether it came before `halt`."""
        wait = due - self._clock()
        if wait <= 0:
            await asyncio.sleep(0)  # behind the schedule: let the others run as well
            return due < halt.at
        try:
            async with asyncio.timeout(wait):
                await halt.said.wait()
        except TimeoutError:
            pass
        return due < halt.at

    async def _attempt(self, line: Line, seq: int, due: float) -> Attempt:
        left = due + self._settings.timeout - self._clock()
        sent: float | None = None
        outcome: Outcome = "ok"
        kind = ""
        try:
            connection = await line.connection(left)
            if left <= 0:
                raise Down("busy")  # an earlier write was not answered for too long
            sent = self._clock()
            async with asyncio.timeout(self._settings.timeout):
                await self._ask(connection, seq)
        except Down as error:
            outcome, kind = "error", error.kind
        except Refused as error:
            outcome, kind = "error", error.kind
            if error.leave:
                line.drop(kind, pause=True)
        except (OSError, EOFError) as error:  # the timeout is an OSError as well
            outcome, kind = "unknown", kind_of(error)
            line.drop(kind)
        return Attempt(self._number, seq, due, sent, self._clock(), outcome, kind)

    async def _ask(self, connection: Connection, seq: int) -> None:
        if self._settings.mode == "read":
            await connection.read()
        else:
            await connection.write(seq)
