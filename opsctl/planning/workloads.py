"""What is built where: the services' workloads, each with the target that it is on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from opsctl.workload import Workload

Workloads: TypeAlias = Mapping[str, tuple[str, Workload]]
"""By service: its target's name, and its workload."""


def alone(workloads: Workloads) -> dict[str, Workload]:
    """The same without the targets."""
    return {service: workload for service, (_, workload) in workloads.items()}


def target_of(where: str) -> str:
    """The target's name in a place such as "dc/n1"."""
    return where.partition("/")[0]


def elsewhere(service: str, where: str, workloads: Workloads) -> bool:
    """Whether a place is on another target than a service that stays: what stands there is of the
    time before its `on:` was changed, whatever its members were called."""
    home = workloads.get(service)
    return home is not None and home[0] != target_of(where)
