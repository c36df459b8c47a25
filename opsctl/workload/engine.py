"""What an engine offers: the seats it needs, and the Workload that fills them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from opsctl.model import Environment, ServiceBase
from opsctl.workload.entries import Directory
from opsctl.workload.seats import Seat
from opsctl.workload.text import Text
from opsctl.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class SeatNeed:
    """`count` seats of one group, each with these ports (name -> number preferred).

    `fixed` ports were written by a person: they are taken as they are or refused. `data` says
    whether the members keep data, and `path` where ("" for the target's own place). `every`: one on
    each host that the service may use, whatever `count` says; a host that joins gets one, and one
    that leaves loses its. `near_clients`: a target that runs the clients too puts one on each of
    its nodes, whatever `count` says; others pass over it. `looks`: it reads how its node is and
    changes nothing there, so that an `every` is welcome on nodes that see to themselves. `tells`:
    further ports, where nobody measures nodes by files that are left there (`Seat.metrics_dir`):
    members have to serve such files themselves. `systems`: those that have the version which is
    asked for, for hosts that nobody has looked at yet; none named: any.
    """

    group: str
    count: int
    ports: Mapping[str, int] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    path: str = ""
    every: bool = False
    near_clients: bool = False
    looks: bool = False
    tells: Mapping[str, int] = field(default_factory=dict)
    systems: frozenset[str] = frozenset()


class Render(Protocol):
    """Renders `templates/<engine>/<name>`; undefined names raise OpsError."""

    def __call__(self, name: str, /, **values: object) -> Text: ...


class Engine(Protocol):
    """One engine. Pure: everything it knows comes in by argument."""

    name: str
    templates: str  # its folder below templates/, shared by engines that differ in little
    options: type[ServiceBase]

    def needs(self, service: Any, /) -> tuple[SeatNeed, ...]:
        """The seats that `service` (an instance of `options`) wants."""
        ...

    def after(self, name: str, service: Any, environment: Environment, /) -> tuple[str, ...]:
        """The services that must be described before `name`, because it speaks of them."""
        ...

    def describe(
        self,
        name: str,
        service: Any,
        seats: Sequence[Seat],
        render: Render,
        directory: Directory,
        /,
    ) -> Workload:
        """The service `name` on `seats`. Raises OpsError for a combination it can't build."""
        ...


class SelfContained:
    """The part of an Engine that is the same for all that speak of nobody else."""

    def after(
        self,
        name: str,  # noqa: ARG002
        service: Any,  # noqa: ARG002
        environment: Environment,  # noqa: ARG002
        /,
    ) -> tuple[str, ...]:
        """No service must be described before."""
        return ()


def in_order(
    services: Mapping[str, ServiceBase], engines: Mapping[str, Engine], environment: Environment
) -> tuple[str, ...]:
    """The services' names, each behind those that it speaks of; else as they come.

    Where two speak of each other, the one that comes first is described without the other.
    """
    order: dict[str, None] = {}
    waiting: set[str] = set()

    def take(name: str) -> None:
        service = services[name]
        waiting.add(name)
        for other in engines[service.engine].after(name, service, environment):
            if other in services and other not in order and other not in waiting:
                take(other)
        order[name] = None

    for name in services:
        take(name)
    return tuple(order)
