"""Failover presets of the pool itself: how soon another balancer takes over an address."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.workload import Timing

_SCRIPT = 1.0  # seconds between two looks at the local balancer; keepalived has no shorter ones
_SCRIPT_FALLS = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """`advert`: seconds between the words of an address's holder."""

    advert: float

    @property
    def host(self) -> float:
        """Longest time until another one takes over from a host that is gone: three adverts, and
        up to one more by which the others keep apart (RFC 5798, Skew_Time)."""
        return 4 * self.advert

    @property
    def process(self) -> float:
        """The same where only the balancer's process is gone or hangs: keepalived has to notice
        (each look may take as long as the time between two), then says that it leaves."""
        return _SCRIPT_FALLS * 2 * _SCRIPT + self.advert

    @property
    def alone(self) -> float:
        """Longest time until one that is cut off from the others gives its addresses up. It knocks
        at them once in an advert's time, waits as long and has to miss them twice, so that it bears
        the stalls that adverts bear; then keepalived has to look."""
        return 4 * self.advert + _SCRIPT


PACES: Mapping[str, Pace] = {"fast": Pace(0.3), "normal": Pace(1.0), "safe": Pace(2.0)}


@dataclass(frozen=True, slots=True)
class Election:
    """How votes are asked for and how long a member must pass before it gets clients; seconds."""

    interval: float
    timeout: float
    rise: int

    @property
    def stale(self) -> float:
        """How old a vote can be: it was asked for an interval ago, and connecting and answering
        took as long as they may."""
        return 2 * self.interval + self.timeout

    @property
    def delay(self) -> float:
        """From the first pass to the one that lets clients in."""
        return (self.rise - 1) * self.interval


def election(timing: Timing) -> Election:
    """`rise` is the least with which the passes outlast every vote that was given before them."""
    timeout = max(0.15, timing.timeout / 2)
    stale = 2 * timing.recheck + timeout
    rise = math.floor(round(stale / timing.recheck, 6)) + 2
    return Election(timing.recheck, timeout, rise)
