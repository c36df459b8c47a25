"""One run: writes until a fault has come and gone, reads everything back, says what it saw.

On standard output two lines of JSON: {"ready": ...} once the service has served steadily, for the
fault may strike then; {"document": ...} at the end. Without the first, the run has no result.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Literal, TextIO

from opsctl.drills.client.core import Clock, Connect, Halt, Settings
from opsctl.drills.client.ledger import Ledger
from opsctl.drills.client.reading import read_back
from opsctl.drills.client.writer import Writer

VERSION = 1
_LOOK = 0.02  # seconds between two looks at the ledger
State = Literal["served", "never-served", "unsteady"]


class Run:
    """The run of one client."""

    def __init__(self, settings: Settings, connect: Connect) -> None:
        self._settings, self._connect = settings, connect
        self._clock, self._ledger, self._halt = Clock(), Ledger(settings), Halt()
        self._ready: float | None = None
        self._over: float | None = None  # when the caller said that the fault is over

    async def document(self) -> dict[str, Any]:
        """Runs to the end, which is bounded, and gives the whole record."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: self._halt.say(self._clock()))
        if self._settings.held:
            loop.add_reader(sys.stdin.fileno(), self._told)
        beside = [asyncio.create_task(self._ledger.watch_self(self._clock))]
        if self._settings.progress:
            beside.append(asyncio.create_task(self._tell()))
        writers = [
            Writer(self._settings, number, self._connect, self._clock, self._ledger.note)
            for number in range(self._settings.writers)
        ]
        pacing = asyncio.create_task(self._pace())
        await asyncio.gather(pacing, *(writer.run(self._halt) for writer in writers))
        record = self._record()
        if self._settings.mode == "write" and self._ledger.served:
            record |= await read_back(self._settings, self._connect, self._clock)
        for task in beside:
            task.cancel()
        return record

    async def _pace(self) -> None:
        """Says when to end."""
        wanted = self._settings
        if await self._until(self._is_ready, wanted.patience):
            self._ready = self._clock()
            self._ledger.forget_cut_offs()
            _print({"ready": {"at": self._ready, "wall": self._clock.wall + self._ready}})
            await self._until(self._is_over, wanted.duration)
        self._halt.say(self._clock())

    async def _until(self, condition: Callable[[], bool], within: float) -> bool:
        end = self._clock() + within
        while not condition():
            if self._clock() > end or self._halt.said.is_set():
                return False
            await asyncio.sleep(_LOOK)
        return True

    def _is_ready(self) -> bool:
        now = self._clock()
        return now >= self._settings.before and self._ledger.steady(now) >= self._settings.steady

    def _told(self) -> None:
        """The caller's word, or its end."""
        if os.read(sys.stdin.fileno(), 4096).strip() == b"over":
            self._over = self._clock()
            return
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        self._halt.say(self._clock())

    def _is_over(self) -> bool:
        now, held = self._clock(), self._settings.held
        since = self._over if held else self._ready
        if since is None or now - since < self._settings.at_least:
            return False
        if held:
            return self._ledger.steady(now) >= self._settings.settle
        return self._ledger.settled(now)

    def _record(self) -> dict[str, Any]:
        state: State = "served"
        if self._ready is None:
            state = "unsteady" if self._ledger.served else "never-served"
        kept = self._settings
        return {
            "version": VERSION,
            "run": kept.run,
            "outcome": state,
            "mode": kept.mode,
            "writers": kept.writers,
            "period": kept.period,
            "timeout": kept.timeout,
            "gap_floor": kept.gap_floor,
            "machine": os.uname().nodename,
            "wall": self._clock.wall,
            "ready": self._ready,
            "ended": self._clock(),
            "attempts": [
                [one.writer, one.seq, _ms(one.due), None if one.sent is None else _ms(one.sent),
                 _ms(one.ended), one.outcome, one.kind]
                for one in self._ledger.attempts
            ],
            "stalls": [[_ms(began), _ms(length)] for began, length in self._ledger.stalls],
        }  # fmt: skip

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            now = self._clock()
            told = {"at": _ms(now), "ok": self._ledger.served, "gap": _ms(self._ledger.gap(now))}
            _print({"progress": told}, sys.stderr)


def _ms(seconds: float) -> float:
    """Seconds to a hundredth of a millisecond: what is finer is noise and makes the text long."""
    return round(seconds, 5)


def _print(value: dict[str, Any], to: TextIO | None = None) -> None:
    print(json.dumps(value, separators=(",", ":")), file=to or sys.stdout, flush=True)


def main(connect: Connect) -> None:
    """Reads the settings, one line of JSON, and runs."""
    settings = Settings.of(json.loads(sys.stdin.readline()))
    _print({"document": asyncio.run(_document(settings, connect))})


async def _document(settings: Settings, connect: Connect) -> dict[str, Any]:
    return await Run(settings, connect).document()
