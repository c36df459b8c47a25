"""Port numbers: one per service, group and port name, the same on all its members. Pure.

Numbers that a person fixed and numbers in use come first; the others take the number their engine
prefers, or the next one that no seat on the same hosts has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opsctl.errors import SpecError
from opsctl.workload import Seat, SeatNeed

HIGHEST = 65535


@dataclass(frozen=True, slots=True)
class Wanted:
    """A group's need and its seats; those recorded carry their numbers, new ones none."""

    service: str
    need: SeatNeed
    seats: tuple[Seat, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(seat.node for seat in self.seats)

    def known(self, port: str) -> int | None:
        """The number that a fixed or recorded port has already."""
        if port in self.need.fixed:
            return self.need.ports[port]
        return next((seat.ports[port] for seat in self.seats if port in seat.ports), None)


@dataclass(slots=True)
class _Taken:
    """Who has which port on which host."""

    by: dict[tuple[str, int], str] = field(default_factory=dict)

    def holder(self, nodes: Sequence[str], number: int) -> tuple[str, str] | None:
        for node in nodes:
            if (node, number) in self.by:
                return node, self.by[node, number]
        return None

    def take(self, nodes: Sequence[str], number: int, who: str) -> None:
        for node in nodes:
            self.by[node, number] = who


def assign(
    wanted: Sequence[Wanted], gone: Sequence[Seat]
) -> dict[tuple[str, str], Mapping[str, int]]:
    """Numbers by (service, group). `gone` seats are of services that left the spec but still run.

    Raises SpecError hosts/duplicate-port when fixed or recorded numbers meet on a host.
    """
    taken = _Taken()
    for seat in gone:
        for number in seat.ports.values():
            taken.take([seat.node], number, seat.member)
    numbers: dict[tuple[str, str], dict[str, int]] = {}
    for want in wanted:
        found = numbers.setdefault((want.service, want.need.group), {})
        for port in want.need.ports:
            known = want.known(port)
            if known is not None:
                _claim(taken, want, port, known)
                found[port] = known
    for want in wanted:
        found = numbers[want.service, want.need.group]
        for port, preferred in want.need.ports.items():
            if port not in found:
                found[port] = _free(taken, want, preferred)
                taken.take(want.nodes, found[port], want.service)
    return {
        key: {port: found[port] for port in want.need.ports}
        for want in wanted
        for key, found in [
            ((want.service, want.need.group), numbers[want.service, want.need.group])
        ]
    }


def _claim(taken: _Taken, want: Wanted, port: str, number: int) -> None:
    if clash := taken.holder(want.nodes, number):
        node, other = clash
        raise SpecError(
            "hosts/duplicate-port",
            f"port {number} ({port} of {want.service}) is {other}'s on host {node}",
            where=f"services.{want.service}",
            hint="give one of them another port, or place them on different hosts",
        )
    taken.take(want.nodes, number, want.service)


def _free(taken: _Taken, want: Wanted, preferred: int) -> int:
    for number in range(preferred, HIGHEST + 1):
        if taken.holder(want.nodes, number) is None:
            return number
    raise SpecError("hosts/duplicate-port", f"{want.service} finds no free port", hint="fix one")
