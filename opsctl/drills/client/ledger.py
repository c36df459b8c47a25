"""Every attempt, and what is known of the service while the run goes on."""

from __future__ import annotations

import asyncio

from opsctl.drills.client.core import Attempt, Clock, Settings

STALL = 0.05  # seconds of lateness from which the client's own machine is to blame
_LOOK = 0.01


class Ledger:
    """Keeps all attempts. Its questions are about the time passed, so they are asked with `now`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.attempts: list[Attempt] = []
        self.stalls: list[tuple[float, float]] = []  # (began, seconds)
        self.served = 0
        self._last = [0.0] * settings.writers  # when each writer was served last
        self._since: float | None = None  # served without a cut-off since then
        self._cut_off = False  # a cut-off has ended, or is going on

    def note(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        if attempt.outcome != "ok":
            return
        gap = attempt.ended - self._last[attempt.writer]
        if self._since is None or gap > self._settings.gap_floor:
            self._cut_off = self._since is not None
            self._since = attempt.ended
        self._last[attempt.writer] = attempt.ended
        self.served += 1

    def forget_cut_offs(self) -> None:
        """What came before the fault does not end the run early."""
        self._cut_off = False

    def gap(self, now: float) -> float:
        """For how long the writer that waits longest has not been served."""
        return now - min(self._last)

    def steady(self, now: float) -> float:
        """For how long all writers have been served without a cut-off; 0 if they are not now."""
        if self._since is None or self.gap(now) > self._settings.gap_floor:
            return 0.0
        return now - self._since

    def settled(self, now: float) -> bool:
        """Whether a cut-off has come and gone, long enough ago."""
        return self._cut_off and self.steady(now) >= self._settings.settle

    async def watch_self(self, clock: Clock) -> None:
        """Notes when this machine did not let the client run, so that no service is blamed."""
        while True:
            before = clock()
            await asyncio.sleep(_LOOK)
            late = clock() - before - _LOOK
            if late > STALL:
                self.stalls.append((before, late))
