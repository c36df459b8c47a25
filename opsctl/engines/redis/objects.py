"""Settings that live inside the servers, and are compared there."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast
from opsctl.engines.redis.inside import (
    PACE_QUESTION,
    Inside,
    settings_question,
    watch_question,
)
from opsctl.engines.redis.settings import quoted
from opsctl.workload import Call, Facts, Object, Seat

PATIENCE = "down-after-milliseconds"  # how long a Sentinel bears silence


def settings_object(cast: Cast, seat: Seat, inside: Inside, desired: Mapping[str, str]) -> Object:
    """The live settings of one server: so a colleague's CONFIG SET is seen."""
    door = cast.door(seat.member)

    def write(differing: Facts) -> Call:
        # One command: the server takes all of it or nothing, and says which value it refuses.
        words = " ".join(f"{name} {quoted(value)}" for name, value in sorted(differing.items()))
        return door.call(f"set {', '.join(sorted(differing))}", [f"CONFIG SET {words}"])

    return Object(
        kind="settings",
        name=REDIS,
        member=seat.member,
        component=REDIS,
        desired=desired,
        read=inside.settings(settings_question(desired)),
        write=write,
    )


def sentinel_settings(cast: Cast) -> dict[str, str]:
    """How a Sentinel watches, in Sentinel's own words."""
    replicas = len(cast.seats) - 1
    return {
        "quorum": str(cast.majority),
        PATIENCE: str(cast.preset.down_after),
        "failover-timeout": str(cast.preset.failover_timeout),
        # Half of the replicas may copy at once, so that the others go on serving reads.
        "parallel-syncs": str(max(1, replicas // 2)),
    }


def sentinel_object(cast: Cast, seat: Seat, inside: Inside) -> Object:
    """How the member's Sentinel watches; it keeps that in a file of its own."""
    door = cast.door(seat.member, SENTINEL)

    def write(differing: Facts) -> Call:
        commands = [
            f"SENTINEL SET {cast.name} {name} {value}" for name, value in sorted(differing.items())
        ]
        return door.call(f"set {', '.join(sorted(differing))}", commands)

    return Object(
        kind="settings",
        name=SENTINEL,
        member=seat.member,
        component=SENTINEL,
        desired=sentinel_settings(cast),
        read=inside.settings(watch_question(cast)),
        write=write,
        held=frozenset({PATIENCE}),
    )


def pace_object(cast: Cast, seat: Seat, inside: Inside) -> Object:
    """How often the member's Sentinel asks. It forgets that when it ends: hasten-sentinel.sh says
    it again."""
    door = cast.door(seat.member, SENTINEL)

    def write(differing: Facts) -> Call:
        words = " ".join(f"{name} {value}" for name, value in sorted(differing.items()))
        return door.call("set the Sentinel's pace", [f"SENTINEL DEBUG {words}"])

    return Object(
        kind="settings",
        name="pace",
        member=seat.member,
        component=SENTINEL,
        desired={**cast.preset.pace},
        read=inside.settings(PACE_QUESTION),
        write=write,
    )
