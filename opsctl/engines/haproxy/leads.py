"""How the lanes of a pool stand: who has the address, who gets clients, why others do not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from opsctl.engines.haproxy.pool import HAPROXY, KEEPALIVED, Pool
from opsctl.engines.haproxy.standings import ADDRESSES, FULL, LEADS, REFUSES
from opsctl.workload import Facts, Lane, Lead, Standings

_STEP = re.compile(r"at step ([0-9]+)")
# HAProxy's codes of checks: "Health checks" in its management guide.
_WORDS = {
    "INI": "not asked yet",
    "L4TOUT": "can't be reached",
    "L4CON": "lets nobody in",
    "SOCKERR": "can't be reached",
}
# A member that hangs and one with another role are told apart by nobody: neither says the words.
_MISSED = {
    "primary": "does not say that it is primary",
    "replica": "does not say that it is a replica in touch with its primary",
    "any": "does not answer",
}


def leads(pool: Pool, standings: Standings) -> tuple[Lead, ...]:
    """One for each route, as the balancers have it that its clients come in at."""
    return tuple(_lead(pool, lane, standings) for lane in pool.lanes)


def _lead(pool: Pool, lane: Lane, standings: Standings) -> Lead:
    doors = _doors(pool, lane, standings)
    seen = {member: standings[member, HAPROXY] for member in doors}
    details = next((one.details for one in seen.values() if one.details), {})
    return Lead(
        lane,
        balancers=doors,
        serving=_names(details.get(f"{LEADS} {lane.name}", "")),
        away=reasons(lane, details),
        trouble=_trouble(lane, {member: one.details for member, one in seen.items()}),
        full=details.get(f"{FULL} {lane.name}", ""),
    )


def _doors(pool: Pool, lane: Lane, standings: Standings) -> tuple[str, ...]:
    """The balancers that answer, of a floating address those that have it."""
    return tuple(
        member
        for member in pool.members
        if (member, HAPROXY) in standings
        and (not lane.address or lane.address in _held(member, standings))
    )


def _held(member: str, standings: Standings) -> list[str]:
    standing = standings.get((member, KEEPALIVED))
    return standing.details.get(ADDRESSES, "").split() if standing else []


def _trouble(lane: Lane, seen: Mapping[str, Facts]) -> str:
    if not seen:
        who = f"nobody has {lane.address}" if lane.address else "no balancer answers"
        return f"{who}: clients can't connect"
    if len(seen) > 1 and lane.address:
        return f"{' and '.join(seen)} both have {lane.address}: clients reach one or the other"
    for member, details in seen.items():
        if not details.get(f"{LEADS} {lane.name}"):
            return f"{member} has nobody to lead to: it lets clients in and closes at once"
    if any(f"{FULL} {lane.name}" in details for details in seen.values()):
        return "full: more clients wait until one leaves"
    return ""


def reasons(lane: Lane, details: Facts) -> dict[str, str]:
    """Members that get no clients, each with why in words."""
    said = details.get(f"{REFUSES} {lane.name}", "")
    found = (one.partition(" ") for one in said.split("; ") if one)
    return {member: _reason(lane, member, why) for member, _, why in found}


def _reason(lane: Lane, member: str, why: str) -> str:
    """What HAProxy found, in the words of the service; what it said itself where that is more."""
    code = why.strip("()").partition(" ")[0]
    if code in _WORDS:
        return _WORDS[code]
    if not code.startswith("L7"):
        return why
    # While the next check goes on HAProxy says no more than the code of the last one.
    step = _STEP.search(why)
    if step is None:
        return _MISSED[lane.entry.role]
    backend = next(one for one in lane.entry.backends if one.member == member)
    # Connecting is step 1; each exchange has two, to say and to hear; votes come behind them.
    at, says = int(step.group(1)), len(backend.check.says)
    if at > 1 + 2 * says:
        return f"not agreed on by {backend.needed} of {len(backend.voters)} voters"
    if at <= 3 and says > 1:
        return f"does not let the balancer log in {why}"
    return _MISSED[lane.entry.role]


def _names(said: str) -> tuple[str, ...]:
    return tuple(name for name in said.split(", ") if name)
