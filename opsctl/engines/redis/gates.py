"""What must hold before and after each step, over the standings of all members."""

from __future__ import annotations

from opsctl.engines.redis.cast import (
    REDIS,
    SENTINEL,
    Cast,
    address_of,
    candidates,
    primaries,
    replicas_of,
    sentinels,
    servers,
)
from opsctl.engines.redis.strays import held_for_down, strangers
from opsctl.workload import Gate, Standing, Standings

_WHOLE = 180.0  # seconds: a member may have to copy everything from the primary
_SOON = 30.0  # seconds: what Sentinels tell each other within a few rounds
_STILL = "the Sentinel of {} stood still for seconds, and acts on nothing for 30 s (tilt)"


def whole(cast: Cast) -> Gate:
    """Every member up, one primary, everybody in touch with it, and all Sentinels agreed."""

    def holds(standings: Standings) -> str:
        reasons = [_one_primary(standings), _servers_up(cast, standings)]
        if cast.sentinel:
            reasons += [_sentinels_agree(cast, standings)]
        return next((reason for reason in reasons if reason), "")

    words = "every member is up, one is primary and the others follow it"
    return Gate(f"{words}, and the Sentinels agree" if cast.sentinel else words, holds, _WHOLE)


def _one_primary(standings: Standings) -> str:
    found = primaries(standings)
    if not found:
        return "no member is primary"
    return f"{' and '.join(found)} are both primary" if len(found) > 1 else ""


def _servers_up(cast: Cast, standings: Standings) -> str:
    """Every server ready, and every replica following the one primary."""
    (primary,) = primaries(standings)[:1] or ("",)
    wanted = address_of(standings, primary)
    for member in cast.members:
        standing = standings.get((member, REDIS))
        if standing is None:
            return f"{member} does not answer"
        if not standing.ready:
            return f"{member} is not ready: {standing.reason}{_too_old(cast, member, primary)}"
        if standing.role == "replica" and standing.following != wanted:
            return f"{member} follows {standing.following}, not {primary}"
    return ""


def _too_old(cast: Cast, member: str, primary: str) -> str:
    """Why a member will never follow: an older server can't load a newer one's snapshot."""
    if member == primary or primary not in cast.members:
        return ""
    old, new = (cast.version(cast.seat(one)) for one in (member, primary))
    if old >= new:
        return ""
    words = f"a {old[0]}.{old[1]} can't copy from {primary}'s {new[0]}.{new[1]}"
    return f" ({words}: place them on hosts of one system)"


def _sentinels_agree(cast: Cast, standings: Standings) -> str:
    (primary,) = primaries(standings)[:1] or ("",)
    wanted = address_of(standings, primary)
    for member in cast.members:
        standing = standings.get((member, SENTINEL))
        if standing is None or standing.role != "arbiter":
            return f"the Sentinel of {member} does not answer"
        if standing.following != wanted:
            return f"the Sentinel of {member} believes in {standing.following}, not {primary}"
        if not standing.ready:
            return f"the Sentinel of {member}: {standing.reason}"
        known = int(standing.details["sentinels"])
        if known < len(cast.seats):
            return f"the Sentinel of {member} knows {known} of {len(cast.seats)} Sentinels"
        replicas = int(standing.details["replicas"])
        if replicas < len(cast.seats) - 1:
            return f"the Sentinel of {member} knows {replicas} of {len(cast.seats) - 1} replicas"
        if new := _unknown_to(standing, standings):
            return f"the Sentinel of {member} does not know {new} yet"
    return ""


def _unknown_to(sentinel: Standing, standings: Standings) -> str:
    """A replica that it has not found yet: its numbers alone may count somebody who is gone."""
    known = replicas_of(sentinel)
    found = (one for one, _ in servers(standings, "replica"))
    return next((one for one in found if address_of(standings, one) not in known), "")


def disowned(cast: Cast, standings: Standings, member: str) -> bool:
    """Whether it takes itself for primary beside the one that most Sentinels name, of all there
    are: no route leads to it, and only a restart makes it ask the others."""
    found = primaries(standings)
    named = [sentinel.following for _, sentinel in sentinels(standings)]
    return member in found and any(
        named.count(address_of(standings, other)) >= cast.majority
        for other in found
        if other != member
    )


def caught_up(source: str, target: str) -> Gate:
    """The target has everything that the source has."""

    def holds(standings: Standings) -> str:
        behind, ahead = standings.get((target, REDIS)), standings.get((source, REDIS))
        if behind is None or ahead is None or behind.offset is None or ahead.offset is None:
            return f"{target} or {source} does not say how far it is"
        missing = ahead.offset - behind.offset
        return f"{target} is {missing} bytes behind" if missing > 0 else ""

    return Gate(f"{target} has every write of {source}", holds, timeout=10.0)


def preferred(target: str) -> Gate:
    """Every Sentinel that answers sees the target's raised priority."""

    def holds(standings: Standings) -> str:
        address = address_of(standings, target)
        for member, standing in sentinels(standings):
            if standing.details.get(f"priority {address}") != "1":
                return f"the Sentinel of {member} has not seen it yet"
        return ""

    # A Sentinel asks replicas for INFO every 10 seconds.
    return Gate(f"the Sentinels know that {target} is preferred", holds, _SOON)


def promoted(target: str, old: str, asked: str) -> Gate:
    """The target is primary, and a majority of the Sentinels that answer say so too. `asked`: the
    one that was told to do it."""

    def holds(standings: Standings) -> str:
        standing = standings.get((target, REDIS))
        if standing is None or standing.role != "primary":
            return f"{target} is not primary yet{_instead(standings, old, asked)}"
        beliefs = [sentinel.following for _, sentinel in sentinels(standings)]
        agreed = beliefs.count(address_of(standings, target))
        if beliefs and agreed <= len(beliefs) // 2:
            return f"{agreed} of {len(beliefs)} Sentinels believe in {target}"
        return ""

    return Gate(f"{target} is primary", holds, _SOON)


def _instead(standings: Standings, old: str, asked: str) -> str:
    """What happened or keeps it from happening."""
    others = [member for member in primaries(standings) if member != old]
    if others:
        return f": {' and '.join(others)} was promoted, by a failover that was going on already"
    return f": {_STILL.format(asked)}" if tilted(standings, asked) else ""


def tilted(standings: Standings, member: str) -> bool:
    """Whether the member's Sentinel takes orders and acts on none."""
    standing = standings.get((member, SENTINEL))
    return standing is not None and standing.details.get("tilt") == "1"


def replaced(old: str) -> Gate:
    """Somebody other than `old` is primary and the Sentinels that answer agree on it."""

    def holds(standings: Standings) -> str:
        found = [member for member in primaries(standings) if member != old]
        if len(found) != 1:
            return "no other member is primary yet"
        wanted = address_of(standings, found[0])
        for member, standing in sentinels(standings):
            if standing.following != wanted:
                return f"the Sentinel of {member} still believes in {standing.following}"
        return ""

    return Gate("another member is primary", holds, 60.0)


def follows(member: str, primary: str) -> Gate:
    """The member replicates from the primary."""

    def holds(standings: Standings) -> str:
        standing = standings.get((member, REDIS))
        if standing is None:
            return f"{member} does not answer"
        if standing.role != "replica" or standing.following != address_of(standings, primary):
            return f"{member} does not follow {primary} yet"
        return "" if standing.ready else standing.reason

    return Gate(f"{member} follows {primary}", holds, _WHOLE)


def forgotten(member: str, remaining: tuple[str, ...]) -> Gate:
    """The member's Sentinel has found the remaining ones again, and nobody else who counts; but for
    strangers, whom it finds at once as long as the primary feeds them."""

    def holds(standings: Standings) -> str:
        standing = standings.get((member, SENTINEL))
        if standing is None or standing.role != "arbiter":
            return f"the Sentinel of {member} does not answer"
        known = standing.details["sentinels"]
        replicas = len(candidates(standing) - {*strangers(standings)})
        if known != str(len(remaining)):
            return f"it knows {known} Sentinels, not {len(remaining)}"
        if replicas != len(remaining) - 1:
            return f"it knows {replicas} replicas, not {len(remaining) - 1}"
        return "" if standing.ready else standing.reason

    return Gate(f"the Sentinel of {member} knows who is left", holds, 60.0)


def silent(odd: tuple[str, ...]) -> Gate:
    """Every Sentinel holds these for down: one that lives would be found again at once."""

    def holds(standings: Standings) -> str:
        for address in odd:
            if not held_for_down(standings, address) and address not in strangers(standings):
                return f"{address} lives and could become primary: stop it, or take its host back"
        return ""

    return Gate("who is to be forgotten is down", holds, 60.0)


def calm(primary: str, members: tuple[str, ...], asked: str) -> Gate:
    """No failover is going on: the Sentinels of `members` hold the primary for up. And the one that
    is `asked` acts: it would take the order now, and carry it out when nobody waits for it."""

    def holds(standings: Standings) -> str:
        if tilted(standings, asked):
            return _STILL.format(asked)
        for member, standing in sentinels(standings):
            if member not in members:
                continue
            if standing.following != address_of(standings, primary):
                return f"the Sentinel of {member} believes in {standing.following}"
            if standing.details["flags"] != "master":
                return f"the Sentinel of {member} calls it {standing.details['flags']}"
        return ""

    return Gate("no failover is going on", holds, 60.0)


def acknowledged(member: str) -> Gate:
    """The member is primary, and every Sentinel that answers has heard it say so."""

    def holds(standings: Standings) -> str:
        standing = standings.get((member, REDIS))
        if standing is None or standing.role != "primary":
            return f"{member} is not primary again"
        for name, sentinel in sentinels(standings):
            if sentinel.details["reported"] != "master":
                return f"the Sentinel of {name} has not heard it"
        return ""

    return Gate(f"{member} serves as primary", holds, _SOON)


def furthest_replica(standings: Standings) -> str:
    """The ready replica that has most of the stream, "" when none is ready. One whose disk takes
    what it writes comes first: the others would refuse writes as primary, and who is behind is
    waited for."""
    ready = [
        (keeps(standing), standing.offset or 0, member)
        for member, standing in servers(standings, "replica")
        if standing.ready
    ]
    return max(ready, default=(False, 0, ""))[2]


def keeps(standing: Standing) -> bool:
    """Whether its last snapshot and its last write to the AOF went well, as far as it says."""
    return "err" not in (standing.details.get("saved"), standing.details.get("appended"))
