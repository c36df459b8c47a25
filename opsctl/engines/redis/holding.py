"""A maintenance: every Sentinel bears a day of silence, so none of them calls for a failover.

Its quorum and the rest stay as they are: a failover that a person asks for works as ever.
"""

from __future__ import annotations

from opsctl.engines.redis.cast import SENTINEL, Cast
from opsctl.workload import Hold, Pin, Seat

HELD = 24 * 3600  # seconds of silence that a held Sentinel bears


def hold_script(seat: Seat) -> str:
    """Beside each Sentinel: what holds it and lets it go."""
    return f"{seat.config_dir}/hold.sh"


def hold(cast: Cast) -> Hold:
    """Without Sentinels nobody fails over by itself."""
    if not cast.sentinel:
        return Hold()
    return Hold(tuple(_pin(seat) for seat in cast.seats), longest=HELD)


def _pin(seat: Seat) -> Pin:
    script = hold_script(seat)
    return Pin(seat.member, SENTINEL, ("sh", script, "hold"), ("sh", script, "release"))
