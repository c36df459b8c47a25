"""The balancers of one service, where they sit and what they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from opsctl.engines.haproxy.options import HAProxyService
from opsctl.engines.haproxy.paces import PACES, Pace
from opsctl.workload import AddressRef, Directory, Lane, Seat, Vip

HAPROXY = "haproxy"
KEEPALIVED = "keepalived"
USER = "haproxy"  # of both: they share a folder
STATUS = "status"  # the port for people, Prometheus and keepalived
_ANYBODYS, _PORTS = 1024, 65_536  # ports for processes without privileges
_ABOVE = 10_000  # lane 443 listens at 10443


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
    def near(self) -> bool:
        """Whether they sit beside their clients, one on each node, and share their files."""
        return any(seat.near_clients for seat in self.seats)

    def title(self, seat: Seat) -> str:
        """Whose a file is, for people."""
        return self.name if self.near else seat.member

    def listens(self, seat: Seat) -> dict[str, int]:
        """By lane, the port that the balancer listens on.

        Near its clients a lane has an address of its own: two may have one port there, and one
        below 1024 is nothing that a balancer without privileges could have.
        """
        if not self.near:
            return {lane.name: lane.port for lane in self.lanes}
        found: dict[str, int] = {}
        taken = {seat.ports[STATUS]}
        for lane in self.lanes:
            first = lane.port if lane.port >= _ANYBODYS else lane.port + _ABOVE
            known = chain(range(first, _PORTS), range(_ANYBODYS, first))
            found[lane.name] = next(port for port in known if port not in taken)
            taken.add(found[lane.name])
        return found

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
    return AddressRef("" if seat.near_clients else seat.member, "ip")


def admin(seat: Seat) -> tuple[str, ...]:
    """The program that hands standard input to HAProxy and prints what it says.

    From inside the folder: with it, the path could be longer than a socket's may be.
    """
    return ("sh", "-c", f"cd {seat.run_dir} && exec {socat(seat)} -t 5 - UNIX-CONNECT:admin.sock")


def socat(seat: Seat) -> str:
    """An image may have none: then a script stands in for it."""
    return f"sh {script(seat, 'socat.sh')}" if seat.system == "image" else "socat"


def script(seat: Seat, name: str) -> str:
    return f"{seat.config_dir}/{name}"
