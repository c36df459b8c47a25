"""Where balancers give their metrics, and who is let in there."""

from __future__ import annotations

from opsctl.engines import web
from opsctl.engines.haproxy.pool import HAPROXY, STATUS, Pool
from opsctl.workload import Cert, Scrape, Seat, SecretRef, Signals

USER = "opsctl-metrics"


def secret(pool: Pool, form: str = "plain") -> SecretRef:
    """The password of those who collect metrics."""
    return SecretRef(f"{pool.name}/user/{USER}", "bcrypt" if form == "bcrypt" else "plain")


def proof(pool: Pool, seat: Seat) -> Cert | None:
    """What the status port's pages are proved with, whether somebody collects or not: the first who
    does must not be a reason to restart. None beside clients where nobody does: there only who
    collects gets at that port, and pods have a configuration of their own to read anew."""
    if seat.near_clients and not pool.service.metrics:
        return None
    return web.proof(pool.name, seat, HAPROXY, "status.pem", effect="reload")


def signals(pool: Pool) -> Signals | None:
    """None without `metrics`. Facts: how many balancers, routes and floating addresses; 0 balancers
    where there is one on each node, however many there are."""
    if not pool.service.metrics:
        return None
    return Signals(
        "haproxy",
        tuple(
            Scrape(
                HAPROXY,
                seat.member,
                seat.ports[STATUS],
                user=USER,
                password=secret(pool),
                tls="server",
                called=web.called(pool.name, seat),
            )
            for seat in pool.seats
        ),
        {
            "members": 0 if pool.near else len(pool.seats),
            "balancers": 0 if pool.near else len(pool.seats),
            "routes": len(pool.lanes),
            "addresses": len(pool.vips),
        },
    )
