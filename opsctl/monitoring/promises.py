"""What clients of a service were promised, in the words of its balancers' and probes' metrics."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.model import Environment
from opsctl.monitoring.filling import number
from opsctl.workload import Workload

PROMISES = "slo"
"""The catalogue of rules about promises."""

WINDOWS: Mapping[str, int] = {
    "30m": 1_800, "1h": 3_600, "2h": 7_200, "6h": 21_600, "1d": 86_400, "3d": 259_200,
}  # fmt: skip
"""Over which what was bad is told, beside 5 minutes: their seconds."""

PACES: Mapping[str, float] = {"fast": 14.4, "steady": 6, "slow": 3}
"""How many times faster than allowed what is bad comes, where somebody is to be told: Google's SRE
workbook, chapter 5."""

_OUTAGE = 0.9  # of a time bad: an outage, whatever was promised
_EVER = 1e9  # seconds: any check is within them


def promise(
    environment: Environment, service: str, workloads: Mapping[str, Workload]
) -> Mapping[str, str] | None:
    """The values that rules about the service's promise need; None where nothing was promised, or
    no balancer of its routes gives metrics."""
    slo = environment.services[service].slo if service in environment.services else None
    if slo is None or slo.availability is None:
        return None
    routes = {
        name: route.via
        for name, route in sorted(environment.routes.items())
        if route.to == service and route.via and _watched(workloads.get(route.via))
    }
    if not routes:
        return None
    pools = "|".join(sorted(set(routes.values())))
    balancers = f'environment="{environment.name}", service=~"{pools}"'
    latency = slo.latency
    objective = slo.availability / 100
    return {
        "objective": number(objective),
        **{name: _limit(pace, objective) for name, pace in PACES.items()},
        "latency": number(latency.seconds if latency else _EVER),
        "balancers": balancers,
        "routes": f'{balancers}, proxy=~"{"|".join(routes)}"',
        "tries": f'environment="{environment.name}", to="{service}"',
    }


def _limit(pace: float, objective: float) -> str:
    """From which share that is bad on; a low promise allows more at this pace than there can be."""
    if pace * (1 - objective) > _OUTAGE:
        return number(_OUTAGE)
    return f"{number(pace)} * (1 - {number(objective)})"


def windows() -> tuple[Mapping[str, str], ...]:
    """The values of a rule for each window."""
    return tuple({"window": name, "seconds": str(seconds)} for name, seconds in WINDOWS.items())


def _watched(workload: Workload | None) -> bool:
    return workload is not None and workload.signals is not None
