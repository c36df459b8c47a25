"""The engine: seats in, a Workload out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from opsctl.engines import web
from opsctl.engines.alertmanager.gossip import PEERS
from opsctl.engines.alertmanager.options import AlertmanagerService
from opsctl.engines.alertmanager.server import ALERTMANAGER, AVAILABLE, server
from opsctl.engines.alertmanager.silence import silence
from opsctl.workload import (
    Directory,
    Gate,
    Group,
    Member,
    Render,
    Seat,
    SeatNeed,
    SelfContained,
    Signals,
    Standings,
    Workload,
    check_version,
)

GROUP = "teller"
_PORT, _PEERS = 9093, 9094


class AlertmanagerEngine(SelfContained):
    """Tells people what is wrong."""

    name = "alertmanager"
    templates = "alertmanager"
    options = AlertmanagerService

    def needs(self, service: AlertmanagerService, /) -> tuple[SeatNeed, ...]:
        """One seat per member."""
        asked = web.need(GROUP, service, _PORT)
        return (replace(asked, ports={**asked.ports, PEERS: _PEERS}),)

    def describe(
        self,
        name: str,
        service: AlertmanagerService,
        seats: Sequence[Seat],
        render: Render,
        directory: Directory,  # noqa: ARG002 - others come to it
        /,
    ) -> Workload:
        """The service on its seats. Raises SpecError for a version or target it can't have."""
        ordered = tuple(sorted(seats, key=lambda seat: seat.ordinal))
        for seat in ordered:
            check_version(
                "Alertmanager", seat, AVAILABLE.get(seat.system), service.version,
                service=name, code="alertmanager/no-version",
            )  # fmt: skip
        members = tuple(Member(seat, (server(name, service, ordered, seat, render),))
                        for seat in ordered)  # fmt: skip
        return Workload(
            service=name,
            engine=self.name,
            groups=(Group(GROUP, members, quorum=1),),
            rolling=web.one_by_one(ordered, ALERTMANAGER),
            operations=web.NoPrimary(name, "alertmanager").operations,
            formed=_together(ordered),
            endpoints=tuple(web.endpoint(name, seat, ALERTMANAGER) for seat in ordered),
            signals=Signals(
                "alertmanager",
                tuple(web.scrape(name, seat, ALERTMANAGER) for seat in ordered),
                {"members": len(ordered), "receivers": len(service.receivers)},
            ),
            silence=lambda quiet: silence(ordered, quiet),
            notes=tuple(_notes(service)),
        )


def _together(seats: tuple[Seat, ...]) -> Gate:
    """Every member answers and knows all the others: else people would hear everything twice."""

    def holds(standings: Standings) -> str:
        if reason := web.unready(standings, seats, ALERTMANAGER):
            return reason
        for seat in seats if len(seats) > 1 else ():
            known = standings[seat.member, ALERTMANAGER].details.get("peers", "")
            if known != str(len(seats)):
                return f"{seat.member} knows {known or 'none'} of {len(seats)} members"
        return ""

    words = "every member answers" + (" and knows the others" if len(seats) > 1 else "")
    return Gate(words, holds, web.PATIENCE)


def _notes(service: AlertmanagerService) -> Iterator[str]:
    if not service.receivers:
        yield "Nobody is told of alerts: receivers says whom. They are seen in `opsctl alerts`."
