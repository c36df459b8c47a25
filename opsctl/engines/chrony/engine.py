"""The engine: seats in, a Workload out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsctl.engines.chrony import gates
from opsctl.engines.chrony.clock import NTP, Clock
from opsctl.engines.chrony.daemon import daemon
from opsctl.engines.chrony.operations import operations
from opsctl.engines.chrony.options import ChronyService
from opsctl.workload import (
    Directory,
    Group,
    Member,
    Render,
    Rolling,
    Seat,
    SeatNeed,
    SelfContained,
    Signals,
    Workload,
)

GROUP = "clock"
_PORT = 123


class ChronyEngine(SelfContained):
    """One time for all hosts."""

    name = "chrony"
    templates = "chrony"
    options = ChronyService

    def needs(self, service: ChronyService, /) -> tuple[SeatNeed, ...]:
        """One seat on every host. NTP's port is known to its clients, so it is never another."""
        ports = {NTP: service.port or _PORT} if service.serve else {}
        return (SeatNeed(GROUP, 0, ports, frozenset(ports), every=True),)

    def describe(
        self,
        name: str,
        service: ChronyService,
        seats: Sequence[Seat],
        render: Render,
        directory: Directory,  # noqa: ARG002 - it needs nobody else
        /,
    ) -> Workload:
        """The service on its seats."""
        clock = Clock(name, service, tuple(sorted(seats, key=lambda seat: seat.ordinal)))
        members = tuple(Member(seat, (daemon(clock, seat, render),)) for seat in clock.seats)
        return Workload(
            service=name,
            engine=self.name,
            groups=(Group(GROUP, members, quorum=0),),
            rolling=Rolling(
                order=("replica",),
                before=gates.anything(),
                after=gates.changed(clock),
                handover=lambda _standings, _member: (),
            ),
            operations=operations(clock),
            formed=gates.whole(clock),
            # Its hosts are measured by another service: whether the kernel's clock is kept is seen
            # there. What belongs to it are the rules.
            signals=Signals("chrony", (), {"members": len(members)}) if service.metrics else None,
            notes=tuple(_notes(service)),
        )


def _notes(service: ChronyService) -> Iterator[str]:
    yield f"Every host asks {', '.join(service.asks) or 'nobody: it serves its own clock'}."
    if service.control:
        yield (
            "Installing chrony removes systemd-timesyncd and ntpsec where they are: one program "
            "sets a clock."
        )
        step = service.makestep
        yield (
            f"At its start a clock that is off by more than {step} is stepped, within three "
            "measurements; after that a clock only ever runs faster or slower."
            if step.seconds
            else "A clock is never stepped: one that is far off takes hours to come right."
        )
    else:
        yield "control: false: clocks are measured, and nobody sets them."
