"""Ports that two components of one host would listen on at its own address. Pure.

Seating gives no number twice; a route's is written, and without a floating address it is each
balancer's host's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsctl.errors import SpecError
from opsctl.workload import Workload


def check_doors(workloads: Sequence[Workload]) -> None:
    """Raises hosts/duplicate-port: the second one could not start, or HAProxy, which takes a port
    twice, would lead every other client to the wrong page."""
    known: dict[tuple[str, int], str] = {}
    for node, number, name, service in _doors(workloads):
        mine = f"{name} of {service}"
        other = known.setdefault((node, number), mine)
        if other != mine:
            raise SpecError(
                "hosts/duplicate-port",
                f"{other} and {mine} would both listen at port {number} of host {node}",
                where=f"services.{service}",
                hint="give one of them another port (a route with a vip has an address of its "
                "own), or place them on different hosts",
            )


def _doors(workloads: Sequence[Workload]) -> Iterator[tuple[str, int, str, str]]:
    for workload in workloads:
        for member in workload.members():
            for component in member.components:
                for port in component.ports:
                    if not port.address:
                        yield member.seat.node, port.number, port.name, workload.service
