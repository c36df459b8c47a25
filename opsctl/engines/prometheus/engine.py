"""The engine: seats and what there is to watch in, a Workload out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from opsctl.engines import web
from opsctl.engines.prometheus import gates
from opsctl.engines.prometheus.options import PrometheusService
from opsctl.engines.prometheus.server import AVAILABLE, PROMETHEUS, server
from opsctl.model import Environment
from opsctl.workload import (
    Directory,
    Group,
    Member,
    Render,
    Seat,
    SeatNeed,
    Signals,
    Workload,
    check_version,
)

GROUP = "collector"
_PORT = 9090


class PrometheusEngine:
    """Collects metrics, keeps them, and says when something is wrong."""

    name = "prometheus"
    templates = "prometheus"
    options = PrometheusService

    def needs(self, service: PrometheusService, /) -> tuple[SeatNeed, ...]:
        """One seat per member."""
        return (replace(web.need(GROUP, service, _PORT), path=service.storage.path or ""),)

    def after(
        self, name: str, service: PrometheusService, environment: Environment, /
    ) -> tuple[str, ...]:
        """Everybody whom it watches."""
        return tuple(
            other
            for other, one in environment.services.items()
            if other != name and one.on == service.on and not one.collects
        )

    def describe(
        self,
        name: str,
        service: PrometheusService,
        seats: Sequence[Seat],
        render: Render,
        directory: Directory,
        /,
    ) -> Workload:
        """The service on its seats. Raises SpecError for a version or target it can't have."""
        ordered = tuple(sorted(seats, key=lambda seat: seat.ordinal))
        for seat in ordered:
            check_version(
                "Prometheus", seat, AVAILABLE.get(seat.system), service.version,
                service=name, code="prometheus/no-version",
            )  # fmt: skip
        members = tuple(
            Member(seat, (server(name, service, seat, directory, render),)) for seat in ordered
        )
        return Workload(
            service=name,
            engine=self.name,
            groups=(Group(GROUP, members, quorum=0),),
            rolling=web.one_by_one(ordered, PROMETHEUS),
            operations=web.NoPrimary(name, "prometheus").operations,
            formed=gates.watching(ordered, directory),
            endpoints=tuple(web.endpoint(name, seat, PROMETHEUS) for seat in ordered),
            signals=Signals(
                "prometheus",
                tuple(web.scrape(name, seat, PROMETHEUS) for seat in ordered),
                {"members": len(ordered), "interval": service.interval.seconds},
            ),
            notes=tuple(_notes(service, directory)),
        )


def _notes(service: PrometheusService, directory: Directory) -> Iterator[str]:
    targets = sum(len(scrapes) for scrapes in directory.watched.values())
    yield f"{targets} targets are asked every {service.interval}; metrics live {service.retention}."
    if service.replicas == 1:
        yield (
            "One member: when its host dies nobody tells of it, unless somebody hears the dead-man "
            "alert stop."
        )
