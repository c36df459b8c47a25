"""What `monitoring:` implies: who collects metrics, who tells of alerts, who measures hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.model.environment import Environment
from opsctl.model.findings import Finding
from opsctl.model.monitoring import Monitoring
from opsctl.model.services import ServiceBase
from opsctl.model.targets import HostsTarget


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of monitoring: what an engine says of itself, and what is made where nobody has it."""

    duty: str  # the class variable of ServiceBase
    name: str  # of the service, before "-TARGET"
    keys: Mapping[str, Any] = field(default_factory=dict)


def with_monitoring(
    environment: Environment, engines: Mapping[str, type[ServiceBase]]
) -> Environment:
    """The environment with the services that `monitoring:` implies, and metrics of all it watches.

    The document stays as it was written. A person who wrote a part himself gets no other one.
    """
    monitoring = environment.monitoring
    if monitoring is None:
        return environment
    services = dict(environment.services)
    beyond = [(on, _Part("measures_hosts", "hosts")) for on in monitoring.targets[1:]]
    here = [(monitoring.on, part) for part in _parts(environment, monitoring)]
    for on, part in (*here, *beyond):
        if _written(environment, on, part.duty):
            continue
        able = ((name, kind) for name, kind in engines.items() if getattr(kind, part.duty))
        if found := next(able, None):
            engine, kind = found
            document = {"engine": engine, "on": on, **part.keys}
            services.setdefault(f"{part.name}-{on}", kind.model_validate(document))
    watched = {
        name: _with_metrics(service, monitoring.targets) for name, service in services.items()
    }
    return environment.model_copy(update={"services": watched})


def _parts(environment: Environment, monitoring: Monitoring) -> tuple[_Part, ...]:
    target = environment.targets[monitoring.on]
    hosts = target.named if isinstance(target, HostsTarget) else None
    # One that dies with its host tells nobody of it.
    replicas = monitoring.replicas or (1 if hosts is not None and len(hosts) == 1 else 2)
    alertmanager = monitoring.alertmanager
    telling = {"replicas": replicas, "receivers": alertmanager.receivers}
    collecting = {
        "replicas": replicas,
        "interval": monitoring.interval,
        "retention": monitoring.retention,
        "remote_write": monitoring.remote_write,
        "tells": [alertmanager.model_dump(include={"url", "basic_auth", "ca"})]
        if alertmanager.url
        else [],
    }
    # Where another Prometheus collects, it tells whom its own configuration names.
    own = monitoring.prometheus is None
    return (
        _Part("measures_hosts", "hosts"),
        *((_Part("routes_alerts", "alerts", telling),) if own and not alertmanager.url else ()),
        *((_Part("collects", "metrics", collecting),) if own else ()),
        *(
            _Part(duty, name, {"replicas": replicas})
            for duty, name, needed in (("knocks", "reach", _routed), ("probes", "probe", _promised))
            if needed(environment, monitoring.on)
        ),
    )


def _routed(environment: Environment, target: str) -> bool:
    """Whether a route comes in at balancers of the target."""
    services = environment.services
    vias = (services.get(route.via or "") for route in environment.routes.values())
    return any(pool is not None and pool.on == target for pool in vias)


def _promised(environment: Environment, target: str) -> bool:
    """Whether a route of the target leads to a service whose clients were promised something."""
    watched = {
        name: _with_metrics(service, (target,)) for name, service in environment.services.items()
    }
    return any(
        watched[route.to].probed and watched[route.to].on == target
        for route in environment.routes.values()
        if route.to in watched
    )


def _written(environment: Environment, target: str, duty: str) -> bool:
    return any(
        service.managed and service.on == target and getattr(service, duty)
        for service in environment.services.values()
    )


def _with_metrics(service: ServiceBase, targets: tuple[str, ...]) -> ServiceBase:
    if not service.managed or service.on not in targets or "metrics" in service.model_fields_set:
        return service
    return service.model_copy(update={"metrics": True})


def unwatched(environment: Environment) -> Iterator[Finding]:
    """lint/unsupported for what `monitoring:` does not reach in this version."""
    monitoring = environment.monitoring
    if monitoring is None:
        return
    for name, service in environment.services.items():
        if service.managed and service.on not in monitoring.targets:
            yield Finding(
                "lint/unsupported",
                f"{name} runs on {service.on}, and monitoring on {monitoring.on} does not watch it",
                hint=f"monitoring: {{also: [{service.on}]}}, where both are made of hosts that "
                "reach each other",
                keys=("services", name, "on"),
            )
