"""Where balancers give their metrics, and who is let in there."""

from __future__ import annotations

from opsctl.engines.haproxy.pool import HAPROXY, STATUS, Pool
from opsctl.workload import AddressRef, Cert, Scrape, Seat, SecretRef, Signals

USER = "opsctl-metrics"


def secret(pool: Pool, form: str = "plain") -> SecretRef:
    """The password of those who collect metrics."""
    return SecretRef(f"{pool.name}/user/{USER}", "bcrypt" if form == "bcrypt" else "plain")


def proof(pool: Pool, seat: Seat) -> Cert | None:
    """What the status port's pages are proved with, whether somebody collects or not: the first who
    does must not be a reason to restart. None where an image runs."""
    if seat.system == "image":
        return None
    return Cert(
        name=f"{pool.name}/certificate/{seat.member}/{HAPROXY}",
        path=f"{seat.config_dir}/status.pem",
        authority=f"{seat.config_dir}/ca.pem",
        names=(seat.member, AddressRef(seat.member), AddressRef(seat.member, "ip")),
        effect="reload",
    )


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
                tls="none" if proof(pool, seat) is None else "server",
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
