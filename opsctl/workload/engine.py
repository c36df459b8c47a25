"""What an engine offers: the seats it needs, and the Workload that fills them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from opsctl.model import ServiceBase
from opsctl.workload.seats import Seat
from opsctl.workload.text import Text
from opsctl.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class SeatNeed:
    """`count` seats of one group, each with these ports (name -> number preferred).

    `fixed` ports were written by a person: they are taken as they are or refused. `data` says
    whether the members keep data, and `path` where ("" for the target's own place).
    """

    group: str
    count: int
    ports: Mapping[str, int] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    path: str = ""


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

    def describe(
        self, name: str, service: Any, seats: Sequence[Seat], render: Render, /
    ) -> Workload:
        """The service `name` on `seats`. Raises OpsError for a combination it can't build."""
        ...
