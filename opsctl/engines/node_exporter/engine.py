"""The engine: seats in, a Workload out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opsctl.engines import web
from opsctl.engines.exporting import exporting
from opsctl.engines.node_exporter.exporter import EXPORTER, JOB, exporter
from opsctl.engines.node_exporter.options import NodeExporterService
from opsctl.workload import (
    Directory,
    Member,
    Render,
    Seat,
    SeatNeed,
    SelfContained,
    Signals,
    Workload,
)

GROUP = "host"
_PORT = 9100


class NodeExporterEngine(SelfContained):
    """How hosts are."""

    name = "node-exporter"
    templates = "node_exporter"
    options = NodeExporterService

    def needs(self, service: NodeExporterService, /) -> tuple[SeatNeed, ...]:
        """One seat on every host."""
        return (replace(web.need(GROUP, service, _PORT), count=0, every=True, looks=True),)

    def describe(
        self,
        name: str,
        service: NodeExporterService,
        seats: Sequence[Seat],
        render: Render,
        directory: Directory,  # noqa: ARG002 - others come to it
        /,
    ) -> Workload:
        """The service on its seats. Raises SpecError for a target it can't have."""
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
                tuple(web.scrape(name, seat, JOB) for seat in ordered),
                web.counted(ordered),
            ),
        )
