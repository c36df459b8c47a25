"""An environment with services that are watched, and its dashboards, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsctl.model import Environment, ServiceBase, load_data
from opsctl.monitoring.dashboards.build import Built, build
from opsctl.monitoring.dashboards.compose import Dashboard, compose
from opsctl.monitoring.dashboards.document import Board
from opsctl.wiring import boards
from opsctl.workload import Workload
from opsctl.workload.signals import Signals

SERVICES = {"sessions": "redis", "door": "haproxy", "hosts": "node", "metrics": "prometheus"}


class ByName(dict[str, str]):
    """The unit that a metric's name tells, as Prometheus's conventions want it."""

    def get(self, name: str, default: object = None) -> str:  # type: ignore[override]
        return next((unit for unit in ("bytes", "seconds") if f"_{unit}" in name), "1")


class Watched(ServiceBase):
    """Any service that gives metrics."""


def environment(services: Mapping[str, str] = SERVICES, name: str = "shop") -> Environment:
    return load_data(
        {
            "opsctl": 1,
            "name": name,
            "targets": {"dc": {"hosts": {"n1": {"address": "10.0.0.1"}}}},
            "services": {one: {"engine": "watched", "on": "dc"} for one in services},
        },
        engines={"watched": Watched},
    )


def workloads(services: Mapping[str, str] = SERVICES) -> Mapping[str, Workload]:
    bare: Any = Workload  # nothing of them counts but how they are watched
    return {
        name: bare(name, "watched", (), None, None, None, signals=Signals(kind, ()))
        for name, kind in services.items()
    }


def dashboards(
    services: Mapping[str, str] = SERVICES, known: Mapping[str, Board] | None = None
) -> tuple[Dashboard, ...]:
    return compose(environment(services), workloads(services), known or boards())


def built(services: Mapping[str, str] = SERVICES, name: str = "shop") -> tuple[Built, ...]:
    spec = environment(services, name)
    made = compose(spec, workloads(services), boards())
    return tuple(build(one, spec, ByName(), "prom-uid") for one in made)
