"""The balancers of one service, where they sit and what they lead to."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.engines.haproxy.options import HAProxyService
from opsctl.engines.haproxy.paces import PACES, Pace
from opsctl.workload import AddressRef, Directory, Lane, Seat, Vip

HAPROXY = "haproxy"
KEEPALIVED = "keepalived"
USER = "haproxy"  # of both: they share a folder
STATUS = "status"  # the port for people, Prometheus and keepalived


@dataclass(frozen=True, slots=True)
class Pool:
    """One service on its seats."""

    name: str
    service: HAProxyService
    seats: tuple[Seat, ...]
    directory: Directory

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return self.directory.lanes

    @property
    def vips(self) -> tuple[Vip, ...]:
        return self.directory.vips

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(seat.member for seat in self.seats)

    @property
    def pace(self) -> Pace:
        return PACES[self.service.failover]

    def seat(self, member: str) -> Seat:
        return next(seat for seat in self.seats if seat.member == member)


def own(seat: Seat) -> AddressRef:
    """Where the seat's own node is reached."""
    return AddressRef(seat.member, "ip")


def admin(seat: Seat) -> tuple[str, ...]:
    """The program that hands standard input to HAProxy and prints what it says.

    From inside the folder: with it, the path could be longer than a socket's may be.
    """
    return ("sh", "-c", f"cd {seat.run_dir} && exec socat -t 5 - UNIX-CONNECT:admin.sock")


def script(seat: Seat, name: str) -> str:
    return f"{seat.config_dir}/{name}"
