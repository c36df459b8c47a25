"""The engine: seats and lanes in, a Workload out."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.engines.haproxy import gates
from opsctl.engines.haproxy.balancer import balancer
from opsctl.engines.haproxy.floating import keepalived
from opsctl.engines.haproxy.leads import leads
from opsctl.engines.haproxy.notes import notes
from opsctl.engines.haproxy.operations import operations
from opsctl.engines.haproxy.options import HAProxyService
from opsctl.engines.haproxy.pool import STATUS, Pool
from opsctl.engines.haproxy.signals import signals
from opsctl.engines.haproxy.software import check_version
from opsctl.engines.haproxy.traffic import traffic, traffic_object
from opsctl.model import Environment
from opsctl.workload import (
    Directory,
    Group,
    Member,
    Render,
    Rolling,
    Seat,
    SeatNeed,
    Workload,
)

GROUP = "balancer"
_PORT = 8404  # where HAProxy's own documentation puts its page


class HAProxyEngine:
    """Balancers for routes."""

    name = "haproxy"
    templates = "haproxy"
    options = HAProxyService

    def needs(self, service: HAProxyService, /) -> tuple[SeatNeed, ...]:
        """One seat per balancer. Ports of routes are the routes' own."""
        fixed = frozenset({STATUS}) if service.port else frozenset[str]()
        ports = {STATUS: service.port or _PORT}
        return (SeatNeed(GROUP, service.replicas, ports, fixed, near_clients=True),)

    def after(
        self,
        name: str,
        service: HAProxyService,  # noqa: ARG002 - routes say it
        environment: Environment,
        /,
    ) -> tuple[str, ...]:
        """The services that it leads to."""
        led = (route.to for route in environment.routes.values() if route.via == name)
        return tuple(dict.fromkeys(led))

    def describe(
        self,
        name: str,
        service: HAProxyService,
        seats: Sequence[Seat],
        render: Render,
        directory: Directory,
        /,
    ) -> Workload:
        """The pool on its seats. Raises SpecError for a version that can't be had."""
        ordered = tuple(sorted(seats, key=lambda seat: (seat.ordinal, seat.member)))
        pool = Pool(name, service, ordered, directory)
        for seat in pool.seats:
            check_version(pool, seat)
        return Workload(
            service=name,
            engine=self.name,
            groups=(Group(GROUP, _members(pool, render), quorum=1),),
            rolling=Rolling(
                order=("replica", "primary"),
                before=gates.serving(pool),
                after=gates.serving(pool),
                # A balancer that stops gives its addresses away itself.
                handover=lambda _standings, _member: (),
                # Without the others' adverts it would take their addresses as well.
                leave_first=bool(pool.vips),
            ),
            operations=operations(pool),
            formed=gates.whole(pool),
            objects=tuple(traffic_object(pool, seat) for seat in pool.seats if pool.lanes),
            traffic=lambda service, member: traffic(pool, service, member),
            leads=lambda standings: leads(pool, standings),
            notes=notes(pool),
            signals=signals(pool),
        )


def _members(pool: Pool, render: Render) -> tuple[Member, ...]:
    """The balancer stands first: keepalived looks at it. Near their clients all are alike."""
    if pool.near:
        shared = (balancer(pool, pool.seats[0], render),)
        return tuple(Member(seat, shared) for seat in pool.seats)
    return tuple(
        Member(
            seat,
            (
                balancer(pool, seat, render),
                *((keepalived(pool, seat, render),) if pool.vips else ()),
            ),
        )
        for seat in pool.seats
    )
