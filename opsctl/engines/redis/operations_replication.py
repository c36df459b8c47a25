"""The verbs in replication mode, where a person decides and opsctl does all of it."""

from __future__ import annotations

from dataclasses import replace

from opsctl.engines.redis import gates
from opsctl.engines.redis.cast import REDIS, Cast, address_of, primaries, servers
from opsctl.engines.redis.operations import demote, furthest, pause, unpause
from opsctl.engines.redis.proving import prove
from opsctl.engines.redis.refusals import only_primary, ready_replica, refused
from opsctl.workload import Act, Gate, Operations, Standings


def replication_operations(cast: Cast) -> Operations:
    """The verbs of one service."""
    return Operations(
        switchover=lambda standings, to: switchover(cast, standings, to),
        failover=lambda standings, to: failover(cast, standings, to),
        remove=lambda standings, member: handover(cast, standings, member),
        forget=lambda _standings, _gone: (),
        prove=lambda standings: prove(cast, standings),
    )


def handover(cast: Cast, standings: Standings, member: str) -> tuple[Act, ...]:
    """Moves the primary role away from `member`; nothing where there is nobody to take it."""
    if primaries(standings) != (member,) or len(cast.seats) == 1:
        return ()
    return switchover(cast, standings, "")


def switchover(cast: Cast, standings: Standings, to: str) -> tuple[Act, ...]:
    """Writes wait until the new primary has them all; then everybody follows it.

    To the member that is primary already: those that follow somebody else are brought to it, for
    example after a switchover that was interrupted.
    """
    old = only_primary(cast, standings)
    if to == old:
        return _following(cast, _strays(standings, old), old)
    new = ready_replica(cast, standings, to)
    others = [member for member, _ in servers(standings, "replica") if member != new]
    hold, undo = pause(cast, old), (unpause(cast, old),)
    return (
        Act(hold, until=gates.caught_up(old, new), meanwhile=hold, undo=undo),
        replace(_promote(cast, new), meanwhile=hold),
        *_following(cast, [old, *others], new),
    )


def failover(cast: Cast, standings: Standings, to: str) -> tuple[Act, ...]:
    """The replica that has most of the stream becomes primary; what only the old one has is lost.

    Refused while the primary serves: two primaries would be the result of one lost packet.
    """
    alive = [member for member, standing in servers(standings, "primary") if standing.ready]
    if alive:
        words = f"{alive[0]} is primary and serves"
        raise refused(cast, "primary-alive", words, "opsctl switchover moves it without loss")
    replicas = [member for member, _ in servers(standings, "replica")]
    if not replicas:
        raise refused(cast, "no-replica", "no replica answers, so nobody can take over")
    if to and to not in replicas:
        raise refused(cast, "not-ready", f"{to} can't take over: it is no replica that answers")
    new = to or furthest(standings, replicas)
    others = [*primaries(standings), *(member for member in replicas if member != new)]
    return (_promote(cast, new), *_following(cast, others, new))


def _promote(cast: Cast, member: str) -> Act:
    call = cast.door(member).call(f"make {member} primary", ["REPLICAOF NO ONE", "CONFIG REWRITE"])
    return Act(call, until=_is_primary(member))


def _is_primary(member: str) -> Gate:
    def holds(standings: Standings) -> str:
        standing = standings.get((member, REDIS))
        return "" if standing and standing.role == "primary" else f"{member} is not primary yet"

    return Gate(f"{member} is primary", holds, 10.0)


def _strays(standings: Standings, primary: str) -> list[str]:
    wanted = address_of(standings, primary)
    return [
        member for member, standing in servers(standings, "replica") if standing.following != wanted
    ]


def _following(cast: Cast, members: list[str], primary: str) -> tuple[Act, ...]:
    return tuple(
        Act(demote(cast, member, primary), until=gates.follows(member, primary))
        for member in members
    )
