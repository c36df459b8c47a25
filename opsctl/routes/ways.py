"""How clients come in at the routes of one target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.model import Environment
from opsctl.routes.directory import directory
from opsctl.workload import AddressRef, Lane, Text, Way, Workload


def ways(environment: Environment, who: str, workloads: Mapping[str, Workload]) -> tuple[Way, ...]:
    """For the service `who`: every route whose balancers run on its target, by name.

    Raises SpecError as `directory`.
    """
    on = environment.services[who].on
    pools = sorted({route.via for route in environment.routes.values() if route.via})
    found = (
        way
        for pool in pools
        if pool in workloads and environment.services[pool].on == on
        for way in _ways(environment, workloads[pool], workloads)
    )
    return tuple(sorted(found, key=lambda way: way.route))


def _ways(
    environment: Environment, balancers: Workload, workloads: Mapping[str, Workload]
) -> Iterator[Way]:
    for lane in directory(environment, balancers.service, workloads).lanes:
        slo = environment.services[lane.service].slo
        yield Way(
            route=lane.name,
            service=lane.service,
            hosts=_hosts(lane, balancers),
            port=lane.port,
            trial=lane.entry.trial,
            latency=slo.latency.seconds if slo and slo.latency else None,
        )


def _hosts(lane: Lane, balancers: Workload) -> tuple[Text, ...]:
    """The route's own address, or that of each balancer."""
    if lane.host:
        return (Text((lane.host,)),)
    return tuple(Text((AddressRef(member.name, "ip"),)) for member in balancers.members())
