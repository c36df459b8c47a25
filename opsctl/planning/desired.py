"""What is wanted, and how far a plan may go for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.planning.resource import Resource
from opsctl.planning.workloads import Workloads


@dataclass(frozen=True, slots=True)
class Scope:
    """What a plan may touch.

    `limit`: "service" or "service/member" names; with it nothing is ever pruned. `delete_data`:
    services or members whose data may go. `shrink`: services whose surplus members may leave.
    """

    limit: tuple[str, ...] = ()
    prune: bool = False
    shrink: frozenset[str] = frozenset()
    delete_data: frozenset[str] = frozenset()

    def holds(self, service: str, member: str) -> bool:
        """Whether a thing of this service and member is inside `limit`."""
        if not self.limit or not service:
            return True
        return any(
            name == service or (member != "" and name == f"{service}/{member}")
            for name in self.limit
        )


@dataclass(frozen=True, slots=True)
class Desired:
    """What the spec comes to, and where it is to be."""

    environment: str
    document: Mapping[str, Any]
    workloads: Workloads
    resources: tuple[Resource, ...]
    absent: frozenset[str] = frozenset()  # services that the spec takes down
