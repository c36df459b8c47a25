"""The API server's clock, as its answers tell it."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from opsctl.targets.kubernetes.api import Api

_TICK = 1.0  # seconds: the header's resolution


class Clock:
    """Asked once, and again when `measure` is called."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._ahead: float | None = None

    def now(self) -> float:
        """Seconds since the epoch by the API server, as near as can be told."""
        if self._ahead is None:
            self._ahead, _ = self.measure()
        return time.time() + self._ahead

    def measure(self) -> tuple[float, float]:
        """How far it is ahead of this machine's, and how sure that is, in seconds.

        Differences below the header's resolution count as none, so that two callers with good
        clocks agree.
        """
        began = time.time()
        stamp = self._api.date()
        ended = time.time()
        said = parsedate_to_datetime(stamp).timestamp() if stamp else began
        ahead = said + _TICK / 2 - (began + ended) / 2
        sure = _TICK / 2 + (ended - began) / 2
        return (0.0 if abs(ahead) <= sure else ahead), sure
