"""Failover presets: how soon Sentinel believes that a silent primary is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Seconds beyond down-after: one ping period (1) until the silence starts to count, the agreement
# of the others and the election (up to 2: Sentinels stand for election at random moments within
# one), and until the promoted replica has said that it is primary (INFO is asked every second).
_ELECTION = 4.0


@dataclass(frozen=True, slots=True)
class Preset:
    """Times in milliseconds, as Sentinel has them.

    `failover_timeout`: a replica has this long to say that it was promoted, and a failover that got
    nowhere is tried again after twice this.
    """

    down_after: int
    failover_timeout: int

    @property
    def tolerates(self) -> float:
        """Seconds that a primary may stall without losing its role."""
        return self.down_after / 1000

    @property
    def worst(self) -> float:
        """Seconds until another member serves, when the first election succeeds."""
        return self.tolerates + _ELECTION


PRESETS: Mapping[str, Preset] = {
    "fast": Preset(1_000, 6_000),
    "normal": Preset(5_000, 15_000),
    "safe": Preset(15_000, 45_000),
}
