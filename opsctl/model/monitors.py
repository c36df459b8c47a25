"""What `monitoring:` implies: who collects metrics, who tells of alerts, who measures hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.model.environment import Environment
from opsctl.model.extras import Monitoring
from opsctl.model.findings import Finding
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
    for part in _parts(environment, monitoring):
        kinds = [(name, kind) for name, kind in engines.items() if getattr(kind, part.duty)]
        if kinds and not _written(environment, monitoring.on, part.duty):
            engine, kind = kinds[0]
            document = {"engine": engine, "on": monitoring.on, **part.keys}
            services.setdefault(f"{part.name}-{monitoring.on}", kind.model_validate(document))
    watched = {name: _with_metrics(service, monitoring.on) for name, service in services.items()}
    return environment.model_copy(update={"services": watched})


def _parts(environment: Environment, monitoring: Monitoring) -> tuple[_Part, ...]:
    target = environment.targets[monitoring.on]
    hosts = target.named if isinstance(target, HostsTarget) else None
    # One that dies with its host tells nobody of it.
    replicas = monitoring.replicas or (1 if hosts is not None and len(hosts) == 1 else 2)
    return (
        _Part("measures_hosts", "hosts"),
        _Part(
            "routes_alerts",
            "alerts",
            {"replicas": replicas, "receivers": monitoring.alertmanager.receivers},
        ),
        _Part(
            "collects",
            "metrics",
            {
                "replicas": replicas,
                "interval": monitoring.interval,
                "retention": monitoring.retention,
                "remote_write": monitoring.remote_write,
            },
        ),
    )


def _written(environment: Environment, target: str, duty: str) -> bool:
    return any(
        service.managed and service.on == target and getattr(service, duty)
        for service in environment.services.values()
    )


def _with_metrics(service: ServiceBase, target: str) -> ServiceBase:
    if not service.managed or service.on != target or "metrics" in service.model_fields_set:
        return service
    return service.model_copy(update={"metrics": True})


def unwatched(environment: Environment) -> Iterator[Finding]:
    """lint/unsupported for what `monitoring:` does not reach in this version."""
    monitoring = environment.monitoring
    if monitoring is None:
        return
    for name, service in environment.services.items():
        if service.managed and service.on != monitoring.on:
            yield Finding(
                "lint/unsupported",
                f"{name} runs on {service.on}, and monitoring on {monitoring.on} does not watch it "
                "yet",
                hint=f"services on {monitoring.on} are watched",
                keys=("services", name, "on"),
            )
