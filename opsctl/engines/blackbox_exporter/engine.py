"""The engine: seats and the ways to services in, a Workload out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsctl.engines import web
from opsctl.engines.blackbox_exporter.exporter import EXPORTER, JOB, TCP, exporter
from opsctl.engines.blackbox_exporter.options import BlackboxExporterService
from opsctl.engines.exporting import exporting
from opsctl.model import Environment
from opsctl.workload import (
    Directory,
    Member,
    Render,
    Scrape,
    Seat,
    SeatNeed,
    Signals,
    Text,
    Way,
    Workload,
)

GROUP = "outside"
_PORT = 9115


class BlackboxExporterEngine:
    """Whether routes can be reached."""

    name = "blackbox-exporter"
    templates = "blackbox_exporter"
    options = BlackboxExporterService

    def needs(self, service: BlackboxExporterService, /) -> tuple[SeatNeed, ...]:
        """One seat per member."""
        return (web.need(GROUP, service, _PORT),)

    def after(
        self, name: str, service: BlackboxExporterService, environment: Environment, /
    ) -> tuple[str, ...]:
        """Those whom routes lead through and to."""
        return web.on_the_way(name, service, environment)

    def describe(
        self,
        name: str,
        service: BlackboxExporterService,
        seats: Sequence[Seat],
        render: Render,
        directory: Directory,
        /,
    ) -> Workload:
        """The service on its seats."""
        ordered = tuple(sorted(seats, key=lambda seat: seat.ordinal))
        members = tuple(Member(seat, (exporter(name, service, seat, render),)) for seat in ordered)
        return exporting(
            name,
            self.name,
            GROUP,
            members,
            EXPORTER,
            Signals(
                JOB,
                tuple(
                    knock
                    for seat in ordered
                    for way in directory.ways
                    for knock in _knocks(name, seat, way)
                ),
                {"members": len(ordered), "routes": len(directory.ways)},
            ),
        )


def _knocks(name: str, seat: Seat, way: Way) -> Iterator[Scrape]:
    """One at each of the route's addresses: the exporter knocks when it is asked for the result."""
    for host in way.hosts:
        where = _whole(host)
        yield Scrape(
            JOB,
            seat.member,
            seat.ports[web.WEB],
            "/probe",
            {"module": TCP, "target": f"{where}:{way.port}"},
            user=web.USER,
            password=web.secret(name),
            tls="server",
            called=web.called(name, seat),
            labels={"route": way.route, "to": way.service, "address": where},
        )


def _whole(host: Text) -> str:
    """With the token of an address that a target fills in; a literal IPv6 one in brackets."""
    text = "".join(map(str, host.parts))
    return f"[{text}]" if ":" in text else text
