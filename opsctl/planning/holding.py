"""Services in maintenance: what is not compared meanwhile, and how a plan says it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from datetime import UTC, datetime

from opsctl.planning.observation import Maintenance
from opsctl.planning.workloads import Workloads
from opsctl.workload import Object, Workload


def loosened(workloads: Workloads, held: Container[str]) -> Workloads:
    """The workloads; those that are held less what the hold changes in their servers.

    So the hold is no drift, and no step that goes on during it takes it away.
    """
    return {
        name: (target, _loose(workload) if name in held else workload)
        for name, (target, workload) in workloads.items()
    }


def _loose(workload: Workload) -> Workload:
    return replace(workload, objects=tuple(_without_held(one) for one in workload.objects))


def _without_held(thing: Object) -> Object:
    desired = {key: value for key, value in thing.desired.items() if key not in thing.held}
    return replace(thing, desired=desired)


def words(one: Maintenance) -> str:
    """Who, why and until when."""
    until = f"{datetime.fromtimestamp(one.until, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{one.service} is in maintenance until {until} ({one.who}: {one.reason})"
