"""The verbs in sentinel mode. Sentinel moves the primary role; opsctl prepares and checks.

FAILOVER on a server is never used: Sentinel would undo it, because it was not told.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.engines.redis import gates
from opsctl.engines.redis.asking import accepted
from opsctl.engines.redis.cast import (
    REDIS,
    SENTINEL,
    Cast,
    address_of,
    primaries,
    sentinels,
    servers,
)
from opsctl.engines.redis.proving import prove
from opsctl.engines.redis.refusals import (
    asking_sentinel,
    check_shrink,
    only_primary,
    ready_replica,
    refused,
)
from opsctl.engines.redis.strays import odd_replicas, strangers
from opsctl.workload import Act, Answer, Call, Operations, Standings

PRIORITY = "100"  # the server's own default; lower is preferred, 0 is never promoted
_PREFERRED = "1"
# Milliseconds that writes wait after the last word of who switches over: said again while it waits,
# so that a promotion that comes late loses nothing, and the end of it where opsctl was killed.
_PAUSE = 20_000


def sentinel_operations(cast: Cast) -> Operations:
    """The verbs of one service."""
    return Operations(
        switchover=lambda standings, to: switchover(cast, standings, to),
        failover=lambda standings, to: failover(cast, standings, to),
        remove=lambda standings, member: remove(cast, standings, member),
        forget=lambda standings, gone: forget(cast, standings, gone),
        prove=lambda standings: prove(cast, standings),
    )


def handover(cast: Cast, standings: Standings, member: str) -> tuple[Act, ...]:
    """Moves the primary role away from `member`; nothing where there is nobody to take it."""
    if primaries(standings) != (member,) or len(cast.seats) == 1:
        return ()
    return switchover(cast, standings, "")


def switchover(cast: Cast, standings: Standings, to: str) -> tuple[Act, ...]:
    """A planned move: writes wait at the old primary until the new one has them all."""
    old = only_primary(cast, standings)
    if to == old:
        return ()
    new = ready_replica(cast, standings, to)
    believed = address_of(standings, old)
    asked = asking_sentinel(cast, standings, following=believed)
    order = f"SENTINEL FAILOVER {cast.name}"
    hold = pause(cast, old)
    agreed = tuple(one for one, seen in sentinels(standings) if seen.following == believed)
    return (
        *_prefer(cast, standings, new),
        # One that got nowhere a moment ago blocks the next for a while: seen before writes wait.
        _calm(cast, asked, old, agreed),
        Act(
            hold,
            until=gates.caught_up(old, new),
            meanwhile=hold,
            undo=(unpause(cast, old),),
        ),
        Act(
            cast.door(asked, SENTINEL).call(
                f"ask Sentinel to promote {new}", [order], _unless_going_on
            ),
            until=gates.promoted(new, old, asked),
            meanwhile=hold,
        ),
        # Sentinel would demote the old primary too, but only ten seconds later.
        Act(demote(cast, old, new), until=gates.follows(old, new)),
        *_unprefer(cast, standings, new),
    )


def _prefer(cast: Cast, standings: Standings, member: str) -> tuple[Act, ...]:
    """Makes Sentinel choose `member`; where there is one replica it has no choice."""
    if len(list(servers(standings, "replica"))) < 2:
        return ()
    call = _priority(cast, member, _PREFERRED)
    return (Act(call, until=gates.preferred(member), undo=(_priority(cast, member, PRIORITY),)),)


def _unprefer(cast: Cast, standings: Standings, member: str) -> tuple[Act, ...]:
    if len(list(servers(standings, "replica"))) < 2:
        return ()
    return (Act(_priority(cast, member, PRIORITY)),)


def _priority(cast: Cast, member: str, value: str) -> Call:
    words = f"prefer {member}" if value == _PREFERRED else f"prefer {member} no more"
    return cast.door(member).call(words, [f"CONFIG SET replica-priority {value}"])


def pause(cast: Cast, member: str) -> Call:
    """Makes writes wait; the server ends it by itself."""
    return cast.door(member).call(f"pause writes on {member}", [f"CLIENT PAUSE {_PAUSE} WRITE"])


def unpause(cast: Cast, member: str) -> Call:
    """Ends a pause, unless the primary was replaced: there it keeps writes from being lost."""
    return Call(
        words=f"end the pause on {member}",
        member=member,
        component=REDIS,
        argv=("sh", f"{cast.seat(member).config_dir}/unpause.sh"),
        refused=lambda answer: "" if answer.exit == 0 else answer.stdout + answer.stderr,
    )


def demote(cast: Cast, member: str, primary: str) -> Call:
    """Follows the new primary; clients are sent away so that they look for it.

    The order matters: a write that waited is let go only after the server became a replica, so it
    is refused and not lost.
    """
    return cast.door(member).call(
        f"make {member} follow {primary}",
        [
            f"REPLICAOF {cast.address(primary)}",
            "CONFIG REWRITE",
            "CLIENT UNPAUSE",
            "CLIENT KILL TYPE normal",
            "CLIENT KILL TYPE pubsub",
        ],
    )


def failover(cast: Cast, standings: Standings, to: str) -> tuple[Act, ...]:
    """An unplanned move: writes that only the old primary has are lost.

    An old primary that still answers is demoted at once: Sentinel would leave it in its role for
    ten seconds more, and what it acknowledges then is lost.
    """
    old = next(iter(primaries(standings)), "")
    if to and to == old:
        raise refused(cast, "is-primary", f"{to} is primary already")
    replicas = [member for member, _ in servers(standings, "replica")]
    if not replicas:
        raise refused(cast, "no-replica", "no replica answers, so nobody can take over")
    if to and to not in replicas:
        raise refused(cast, "not-ready", f"{to} can't take over: it is no replica that answers")
    asked = asking_sentinel(cast, standings)
    order = cast.door(asked, SENTINEL).call(
        "ask Sentinel for a failover", [f"SENTINEL FAILOVER {cast.name}"], _unless_going_on
    )
    if not to and not old:
        return (Act(order, until=gates.replaced(old)),)
    new = to or furthest(standings, replicas)
    return (
        *_prefer(cast, standings, new),
        Act(order, until=gates.promoted(new, old, asked)),
        *((Act(demote(cast, old, new)),) if old else ()),
        *_unprefer(cast, standings, new),
    )


def furthest(standings: Standings, members: Sequence[str]) -> str:
    """The member that has most of the stream; where several have, one whose disk takes what it
    writes, then the first by name."""

    def rank(member: str) -> tuple[int, bool]:
        standing = standings[member, REDIS]
        return standing.offset or 0, gates.keeps(standing)

    return max(sorted(members), key=rank)


def _unless_going_on(answer: Answer) -> str:
    """One that is going on does as well: whom it promotes is known to every Sentinel by now."""
    reason = accepted(answer)
    return "" if reason.startswith("INPROG") else reason


def remove(cast: Cast, standings: Standings, member: str) -> tuple[Act, ...]:
    """Takes the primary role from a member that leaves; refuses to leave too few behind."""
    check_shrink(cast, standings, member)
    return handover(cast, standings, member)


def forget(cast: Cast, standings: Standings, gone: tuple[str, ...]) -> tuple[Act, ...]:
    """Makes the Sentinels forget who left, one after another; without names, whoever is no member
    and no stranger.

    Sentinel counts the votes of all Sentinels known, so an odd one left behind blocks failover. A
    Sentinel that was reset knows nobody for some seconds: so one at a time, and only in calm.
    """
    odd = () if gone else odd_replicas(standings)
    odd = tuple(address for address in odd if address not in strangers(standings))
    remaining = tuple(member for member, _ in servers(standings) if member not in gone)
    watching = tuple(member for member, _ in sentinels(standings) if member not in gone)
    staying = {key: standing for key, standing in standings.items() if key[0] not in gone}
    primary = only_primary(cast, staying)
    whom = ", ".join(gone) or "who is no member"
    acts = [_silent(cast, watching[0], odd)] if odd else []
    for member in watching:
        acts += [
            _calm(cast, member, primary, watching),
            Act(
                cast.door(member, SENTINEL).call(
                    f"make the Sentinel of {member} forget {whom}",
                    [f"SENTINEL RESET {cast.name}"],
                ),
                until=gates.forgotten(member, remaining),
            ),
        ]
    return tuple(acts)


def _silent(cast: Cast, member: str, odd: tuple[str, ...]) -> Act:
    call = cast.door(member, SENTINEL).call("wait until who is no member is down", ["PING"])
    return Act(call, until=gates.silent(odd))


def _calm(cast: Cast, member: str, primary: str, watching: tuple[str, ...]) -> Act:
    """Waits until no Sentinel of `watching` sees a failover; `member` is the one that is asked."""
    call = cast.door(member, SENTINEL).call("wait until no failover is going on", ["PING"])
    return Act(call, until=gates.calm(primary, watching, member), lasting=False)
