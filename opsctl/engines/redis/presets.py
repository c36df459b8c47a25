"""Failover presets: how soon Sentinel believes that a silent primary is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.workload import Timing

# Seconds beyond down-after: one ping period (1) until the silence starts to count, the agreement
# of the others and the election (up to 2: Sentinels stand for election at random moments within
# one), and until the promoted replica has said that it is primary (INFO is asked every second).
_ELECTION = 4.0


@dataclass(frozen=True, slots=True)
class Preset:
    """Times in milliseconds, as Sentinel has them.

    A Sentinel pings every `pings`: silence is seen so much later than it began. It promotes nobody
    whose last INFO is older than five of them, and asks for INFO each second: with 100 ms one drill
    of two ended in "-failover-abort-no-good-slave", and so did the next try, 12 s later.

    `failover_timeout`: a replica has this long to say that it was promoted, and a failover that got
    nowhere is tried again after twice this. `check`, `falls` and `recheck` are a balancer's: it
    must drop a silent primary before Sentinel can replace it: `timing.worst` < `down_after`.
    """

    down_after: int
    pings: int
    failover_timeout: int
    check: int
    falls: int
    recheck: int

    @property
    def pace(self) -> dict[str, str]:
        """How often a Sentinel asks, in its own words, milliseconds: for news (by itself every ten
        seconds, and a new replica or a changed priority stays unseen for as long), for a sign of
        life, and the other Sentinels whether they miss the primary too (by itself each second)."""
        return {"INFO-PERIOD": "1000", "PING-PERIOD": str(self.pings), "ASK-PERIOD": "100"}

    @property
    def tolerates(self) -> float:
        """Seconds that a primary may stall without losing its role."""
        return self.down_after / 1000

    @property
    def worst(self) -> float:
        """Seconds until another member serves, when the first election succeeds."""
        return self.tolerates + _ELECTION

    @property
    def timing(self) -> Timing:
        """How balancers ask."""
        return Timing(
            interval=self.check / 1000,
            timeout=self.check / 1000,
            falls=self.falls,
            recheck=self.recheck / 1000,
            silence=self.tolerates,
        )


PRESETS: Mapping[str, Preset] = {
    "fast": Preset(1_000, 300, 6_000, check=250, falls=2, recheck=50),
    "normal": Preset(5_000, 1_000, 15_000, check=1_000, falls=3, recheck=250),
    "safe": Preset(15_000, 1_000, 45_000, check=2_000, falls=3, recheck=500),
}
