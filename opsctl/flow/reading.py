"""What Prometheus says of services now, for `status`: the essential panels' numbers, and alerts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from math import isfinite

from opsctl.errors import OpsError
from opsctl.monitoring.dashboards.asking import BUILT_IN
from opsctl.monitoring.dashboards.compose import Boards, essentials, with_job
from opsctl.monitoring.dashboards.document import Panel, Verdict
from opsctl.monitoring.dashboards.expressions import bind, one_line
from opsctl.monitoring.dashboards.units import said, unit_of
from opsctl.monitoring.dashboards.variables import ALL, places
from opsctl.monitoring.filling import fill
from opsctl.ports.metrics import Metrics
from opsctl.workload import Workload

_AT_ONCE = 8
_FIRING = 'ALERTS{environment="%s",alertstate="firing"}'
_CALLS_NOBODY = "none"  # the severity of what only machines listen to


@dataclass(frozen=True, slots=True)
class Reading:
    """One number of a service: "Commands", "6.8 ops/s", and what its thresholds say of it."""

    title: str
    value: float
    text: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Live:
    """A service as it is measured. `firing`: its alerts, those that call somebody first."""

    readings: tuple[Reading, ...] = ()
    firing: tuple[str, ...] = ()


def live(
    environment: str,
    workloads: Mapping[str, Workload],
    boards: Boards,
    units: Mapping[str, str],
    metrics: Metrics,
    patience: float,
) -> Mapping[str, Live]:
    """By service; what did not come within `patience` seconds is left out, without a word."""
    until = time.monotonic() + patience
    firing = _firing(environment, metrics)
    asked = [
        (name, panel)
        for name, workload in sorted(workloads.items())
        for panel in _panels(workload, boards)
    ]
    pool = ThreadPoolExecutor(_AT_ONCE)
    futures = {
        pool.submit(_read, environment, name, panel, units, metrics): name for name, panel in asked
    }
    done, _ = wait(futures, timeout=max(0.0, until - time.monotonic()))
    pool.shutdown(wait=False, cancel_futures=True)
    found: dict[str, list[Reading]] = {name: [] for name in workloads}
    for future, name in futures.items():
        reading = future.result() if future in done else None
        if reading is not None:
            found[name].append(reading)
    return {
        name: Live(tuple(found[name]), firing.get(name, ()))
        for name in workloads
        if found[name] or name in firing
    }


def _panels(workload: Workload, boards: Boards) -> Iterator[Panel]:
    name = workload.signals.catalogue if workload.signals is not None else ""
    if name in boards and boards[name].per == "member":
        board = with_job(boards[name], name)
        yield from (panel for panel in essentials(board) if panel.kind == "stat")


def _read(
    environment: str, service: str, panel: Panel, units: Mapping[str, str], metrics: Metrics
) -> Reading | None:
    """None where it has no number now, or is not to be had."""
    expr = one_line(fill(panel.queries[0].expr, places("member"), panel.title))
    chosen = {"environment": environment, "service": service, "member": ALL}
    try:
        series = metrics.now(bind(expr, {**BUILT_IN, **chosen}))
    except OpsError:
        return None
    unit = unit_of(panel, units)
    if not series or not isfinite(series[0].last):
        return None
    value = series[0].last
    return Reading(panel.title, value, _text(panel, value, unit), verdict(panel, value))


def _text(panel: Panel, value: float, unit: str) -> str:
    state = panel.state(value)
    return state.text if state is not None else said(value, unit)


def verdict(panel: Panel, value: float) -> Verdict:
    """What the panel's thresholds say of a number."""
    state = panel.state(value)
    if state is not None:
        return state.verdict
    passed = [one.verdict for one in panel.thresholds if value >= one.at]
    return passed[-1] if passed else panel.base


def _firing(environment: str, metrics: Metrics) -> Mapping[str, tuple[str, ...]]:
    """The names of firing alerts by service, of those that call somebody."""
    try:
        series = metrics.now(_FIRING % environment)
    except OpsError:
        return {}
    found: dict[str, dict[str, None]] = {}
    calling = [one for one in series if one.labels.get("severity") != _CALLS_NOBODY]
    for one in sorted(calling, key=lambda one: one.labels.get("severity") != "page"):
        names = found.setdefault(one.labels.get("service", ""), {})
        names[one.labels.get("alertname", "")] = None
    return {service: tuple(names) for service, names in found.items()}
