"""The engine: seats and the ways to services in, a Workload out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsctl.engines import web
from opsctl.engines.exporting import exporting
from opsctl.engines.probe.options import ProbeService
from opsctl.engines.probe.prober import JOB, PROBER, prober, tried
from opsctl.model import Environment
from opsctl.workload import (
    Directory,
    Member,
    Render,
    Seat,
    SeatNeed,
    Signals,
    Way,
    Workload,
)

GROUP = "prober"
_PORT = 9590


class ProbeEngine:
    """What clients of services get."""

    name = "probe"
    templates = "probe"
    options = ProbeService

    def needs(self, service: ProbeService, /) -> tuple[SeatNeed, ...]:
        """One seat per member."""
        return (web.need(GROUP, service, _PORT),)

    def after(
        self, name: str, service: ProbeService, environment: Environment, /
    ) -> tuple[str, ...]:
        """Those whom routes lead through and to."""
        return web.on_the_way(name, service, environment)

    def describe(
        self,
        name: str,
        service: ProbeService,
        seats: Sequence[Seat],
        render: Render,
        directory: Directory,
        /,
    ) -> Workload:
        """The service on its seats."""
        ordered = tuple(sorted(seats, key=lambda seat: seat.ordinal))
        ways = tuple(way for way in directory.ways if way.trial is not None)
        members = tuple(
            Member(seat, (prober(name, service, seat, ways, render),)) for seat in ordered
        )
        return exporting(
            name,
            self.name,
            GROUP,
            members,
            PROBER,
            Signals(
                JOB,
                tuple(web.scrape(name, seat, JOB) for seat in ordered),
                {"members": len(ordered), "routes": len(ways)},
            ),
            tuple(_notes(service, ways)),
        )


def _notes(service: ProbeService, ways: tuple[Way, ...]) -> Iterator[str]:
    for way in ways:
        seconds = tried(service, way)
        yield f"{way.route} is used every {seconds:g} s as clients of {way.service} do."
