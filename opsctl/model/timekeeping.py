"""Whether somebody keeps the clocks of hosts whose services elect."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.model.environment import Environment
from opsctl.model.findings import Finding
from opsctl.model.targets import HostsTarget, LabHosts


def keeper_words(environment: Environment, target: str) -> str:
    """What to write so that somebody keeps the clocks of a target's hosts."""
    words = "a service that keeps time"
    if engine := environment.timekeeper:
        words += f", such as `time: {{engine: {engine}, on: {target}}}`"
    return words


def no_time_sync(environment: Environment) -> Iterator[Finding]:
    """lint/no-time-sync, once for a target. Lab hosts have this machine's clock."""
    here = [service for service in environment.services.values() if service.managed]
    for name, target in environment.targets.items():
        if not isinstance(target, HostsTarget) or isinstance(target.hosts, LabHosts):
            continue
        mine = [service for service in here if service.on == name]
        if target.time == "external" or any(service.keeps_time for service in mine):
            continue
        if any(service.needs_time for service in mine):
            yield Finding(
                "lint/no-time-sync",
                f"services on {name} elect or tell one story in their logs, but nobody is said to "
                "keep its hosts' clocks",
                hint=f"{keeper_words(environment, name)}, or `time: external` in the target when "
                "others see to it",
                keys=("targets", name),
            )
