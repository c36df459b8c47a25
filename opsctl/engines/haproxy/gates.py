"""What must hold before and after each step of a pool."""

from __future__ import annotations

from opsctl.engines.haproxy.leads import reasons
from opsctl.engines.haproxy.pool import HAPROXY, KEEPALIVED, Pool
from opsctl.engines.haproxy.standings import ADDRESSES, LEADS
from opsctl.workload import Gate, Standings


def serving(pool: Pool) -> Gate:
    """Every balancer answers and each address is with one of them."""

    def holds(standings: Standings) -> str:
        return _answering(pool, standings) or _held_once(pool, standings)

    words = "every balancer answers"
    return Gate(f"{words}, each address has one holder" if pool.vips else words, holds)


def whole(pool: Pool) -> Gate:
    """As `serving`, and every route leads to somebody."""

    def holds(standings: Standings) -> str:
        reasons = (_answering, _held_once, _leading)
        return next((said for reason in reasons if (said := reason(pool, standings))), "")

    return Gate(f"{serving(pool).words}, every route leads to a member", holds)


def _answering(pool: Pool, standings: Standings) -> str:
    parts = (HAPROXY, KEEPALIVED) if pool.vips else (HAPROXY,)
    for member in pool.members:
        for component in parts:
            standing = standings.get((member, component))
            if standing is None or standing.role == "unknown":
                said = f": {standing.reason}" if standing and standing.reason else ""
                return f"{component} of {member} does not answer{said}"
            if not standing.ready:
                return f"{component} of {member} {standing.reason}"
    return ""


def _held_once(pool: Pool, standings: Standings) -> str:
    for vip in pool.vips:
        holders = [
            member
            for member in pool.members
            if (standing := standings.get((member, KEEPALIVED)))
            and vip.address in standing.details.get(ADDRESSES, "").split()
        ]
        if not holders:
            return f"nobody has {vip.address}"
        if len(holders) > 1:
            return f"{' and '.join(holders)} both have {vip.address}"
    return ""


def _leading(pool: Pool, standings: Standings) -> str:
    for member in pool.members:
        details = standings[member, HAPROXY].details
        for lane in pool.lanes:
            if not details.get(f"{LEADS} {lane.name}"):
                away = reasons(lane, details)
                why = "; ".join(f"{name} {said}" for name, said in away.items())
                return f"{lane.name} of {member} leads to nobody: {why or 'it does not know it'}"
    return ""
