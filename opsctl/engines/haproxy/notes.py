"""What `plan --explain` says of a pool: what it promises, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.engines.haproxy.balancer import PATIENCE
from opsctl.engines.haproxy.paces import election
from opsctl.engines.haproxy.pool import Pool
from opsctl.engines.haproxy.reach import claims
from opsctl.workload import Lane


def notes(pool: Pool) -> tuple[str, ...]:
    """Sentences, each true by itself."""
    return (*_addresses(pool), *(note for lane in pool.lanes for note in _lane(lane)))


def _addresses(pool: Pool) -> Iterator[str]:
    if pool.near:
        yield "Each node has a balancer, and clients there use it by the route's own name."
        return
    if not pool.vips:
        yield "No floating address: clients name every balancer, and try the next one themselves."
        return
    if len(pool.seats) == 1:
        yield "One balancer: when it stops, its addresses are gone until it is back."
        return
    pace = pool.pace
    yield (
        f"failover: {pool.service.failover} moves an address within {pace.host:g} s of a lost "
        f"host, within {pace.process:g} s of a lost or stalled balancer process; one that is "
        f"stopped on purpose gives it away first (at most {PATIENCE} s)."
    )
    yield f"A balancer's host may stall for {3 * pace.advert:g} s without losing its addresses."
    yield "An address stays where it is when a former holder returns."
    left = dict.fromkeys(claim.address for seat in pool.seats for claim in claims(pool, seat))
    if left:
        yield (
            f"A balancer that reaches neither a majority of the voters nor all other balancers "
            f"gives up {' and '.join(left)} within {pace.alone:g} s."
        )


def _lane(lane: Lane) -> Iterator[str]:
    timing, votes = lane.entry.timing, election(lane.entry.timing)
    yield (
        f"{lane.name}: a member that falls silent gets no more clients after {timing.worst:g} s at "
        f"most; a stall of less than {timing.tolerates:g} s is not noticed."
    )
    if any(backend.voters for backend in lane.entry.backends):
        needed, of = lane.entry.backends[0].needed, len(lane.entry.backends[0].voters)
        yield (
            f"{lane.name}: a member gets clients as primary when it says so itself and {needed} of "
            f"{of} voters have agreed for {votes.delay:g} s: never two at the same time."
        )
    elif lane.entry.role == "primary" and len(lane.entry.backends) > 1:
        yield (
            f"{lane.name}: there is nobody to ask but the members: two that both say that they are "
            "primary both get clients."
        )
