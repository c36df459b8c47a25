"""What an operation refuses, in words a person can act on."""

from __future__ import annotations

from opsctl.engines.redis.cast import REDIS, Cast, primaries, sentinels
from opsctl.engines.redis.gates import furthest_replica, tilted
from opsctl.errors import Exit, OpsError
from opsctl.workload import Standings


def refused(cast: Cast, code: str, message: str, hint: str = "") -> OpsError:
    """An OpsError with exit code 4."""
    return OpsError(f"redis/{code}", message, where=cast.name, hint=hint, exit=Exit.REFUSED)


def only_primary(cast: Cast, standings: Standings) -> str:
    """The one primary; OpsError when there is none or more than one."""
    found = primaries(standings)
    if len(found) == 1:
        return found[0]
    if found:
        words = f"{' and '.join(found)} both say that they are primary"
        hint = (
            f"opsctl restart {cast.name}/MEMBER, the one that most Sentinels do not name in status"
            if cast.sentinel
            else "stop the one that lost; see opsctl status"
        )
        raise refused(cast, "two-primaries", words, hint)
    hint = "opsctl failover makes a replica primary"
    raise refused(cast, "no-primary", "no member is primary", hint)


def ready_replica(cast: Cast, standings: Standings, wanted: str) -> str:
    """`wanted`, or the furthest replica for ""; OpsError when it can't take over."""
    if wanted and wanted not in cast.members:
        known = ", ".join(cast.members)
        raise refused(cast, "unknown-member", f'there is no member "{wanted}"', f"members: {known}")
    if not wanted:
        best = furthest_replica(standings)
        if best:
            return best
        hint = "see opsctl status for what each replica waits for"
        raise refused(cast, "no-replica", "no replica is ready to take over", hint)
    standing = standings.get((wanted, REDIS))
    if standing is None or not standing.ready:
        reason = standing.reason if standing else "it does not answer"
        hint = "opsctl status says when it is ready; without --to the furthest replica takes over"
        raise refused(cast, "not-ready", f"{wanted} can't take over: {reason}", hint)
    return wanted


def asking_sentinel(cast: Cast, standings: Standings, *, following: str = "") -> str:
    """A Sentinel to give an order to, one that acts where there is any; OpsError when too few
    answer to agree on anything."""
    found = [
        member for member, standing in sentinels(standings) if following in ("", standing.following)
    ]
    if len(found) >= cast.majority:
        return next((one for one in found if not tilted(standings, one)), found[0])
    raise refused(
        cast,
        "no-quorum",
        f"{len(found)} of {len(cast.seats)} Sentinels answer and agree; {cast.majority} must",
        "bring their hosts back first",
    )


def check_shrink(cast: Cast, standings: Standings, leaving: str) -> None:
    """OpsError when those who stay could not elect: Sentinel counts the lost ones too."""
    known = max(
        (int(standing.details["sentinels"]) for _, standing in sentinels(standings)), default=0
    )
    staying = [member for member, _ in sentinels(standings) if member != leaving]
    needed = min(known - 1, known // 2 + 1)
    if len(staying) < needed:
        raise refused(
            cast,
            "below-quorum",
            f"without {leaving} {len(staying)} of {known} Sentinels are up; {needed} must be",
            "bring the other members back first, then take one away",
        )
