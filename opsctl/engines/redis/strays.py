"""Who is no member and counts all the same: those to be forgotten, and those that are let be."""

from __future__ import annotations

from opsctl.engines.redis.cast import Cast, address_of, candidates, sentinels, servers
from opsctl.errors import OpsError
from opsctl.workload import Standings


def strays(cast: Cast, standings: Standings) -> str:
    """Whom the Sentinels know, who is no member and can be forgotten; "" as long as a member does
    not answer, because it could be the one.

    A replica is known by its address. A host that left the spec leaves one and a Sentinel behind,
    and so does a member's old address.
    """
    mine = _of(cast, standings)
    if not _all_answer(cast, mine):
        return ""
    surplus = _surplus(mine)
    more = [f"{surplus} Sentinel{'s' if surplus > 1 else ''} of nobody"] if surplus > 0 else []
    gone = [one for one in odd_replicas(mine) if one not in strangers(mine)]
    return " and ".join([*gone, *more])


def odd_replicas(standings: Standings) -> tuple[str, ...]:
    """Addresses that some Sentinel could promote and none of those that answer has."""
    known = {address for _, standing in sentinels(standings) for address in candidates(standing)}
    return tuple(sorted(known - {address_of(standings, one) for one, _ in servers(standings)}))


def strangers(standings: Standings) -> tuple[str, ...]:
    """Those of the odd replicas that the primary feeds now and that were no members: somebody's own
    replica, a program that moves data. Who forgets one would find it again at once.

    A former member is known by its Sentinel. Where there are more of these than odd replicas that
    are gone, one of those that are fed still runs on a host that left, and nobody can say which.
    """
    odd = odd_replicas(standings)
    fed = {
        address
        for _, primary in servers(standings, "primary")
        for address in primary.details.get("replicating", "").split()
    }
    there = tuple(address for address in odd if address in fed)
    return there if _surplus(standings) <= len(odd) - len(there) else ()


def let_be(cast: Cast, standings: Standings) -> tuple[OpsError, ...]:
    """What people should know of each of the strangers."""
    mine = _of(cast, standings)
    if not _all_answer(cast, mine):
        return ()
    return tuple(
        OpsError(
            "redis/stranger",
            f"{address} follows the primary and is no member; "
            + (
                "the Sentinels count it as a replica that is down"
                if held_for_down(mine, address)
                else "the Sentinels may make it primary"
            ),
            where=cast.name,
            hint="stop it, or give it replica-priority 0 if it is meant to follow",
        )
        for address in strangers(mine)
    )


def held_for_down(standings: Standings, address: str) -> bool:
    """Whether every Sentinel that knows the replica holds it for down."""
    flags = [one.details.get(f"flags {address}", "") for _, one in sentinels(standings)]
    return all("s_down" in one.split(",") for one in flags if one)


def _of(cast: Cast, standings: Standings) -> Standings:
    """Without those of other services, which a look has as well."""
    return {key: standing for key, standing in standings.items() if key[0] in cast.members}


def _all_answer(cast: Cast, standings: Standings) -> bool:
    up = {one for one, _ in servers(standings)} & {one for one, _ in sentinels(standings)}
    return {*cast.members} <= up


def _surplus(standings: Standings) -> int:
    """Sentinels that some Sentinel knows beyond those that answer."""
    watching = [standing for _, standing in sentinels(standings)]
    known = (int(standing.details["sentinels"]) for standing in watching)
    return max(known, default=0) - len(watching)
