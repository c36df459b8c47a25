"""The linter: what is allowed but rarely meant. Findings have codes; none stops a load."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from opsctl.model.base import Keys
from opsctl.model.checking import candidate_hosts
from opsctl.model.ending import authorities_that_end
from opsctl.model.environment import Environment
from opsctl.model.findings import Finding
from opsctl.model.monitors import unwatched
from opsctl.model.quantities import Duration
from opsctl.model.services import Placement, ServiceBase
from opsctl.model.targets import HostsTarget, KubernetesTarget
from opsctl.model.timekeeping import no_time_sync


def lint(environment: Environment, now: float | None = None) -> tuple[Finding, ...]:
    """Every finding, each with the place of what it means, in the order of the spec's sections.

    `now`: seconds since the epoch, left out: those of this machine's clock.
    """
    found: list[Finding] = []
    for name, service in environment.services.items():
        if service.managed:
            keys: Keys = ("services", name)
            own = [replace(one, keys=(*keys, *one.keys)) for one in service.lint()]
            found += (
                own
                if not service.promises
                else [*_members(name, service), *_promises(name, service), *own]
            )
            found += _placing(environment, service.place, service.on, keys)
            found += _racks(environment, name, service)
    found += _routes(environment)
    found += no_time_sync(environment)
    found += authorities_that_end(environment, time.time() if now is None else now)
    found += _unsupported(environment)
    return tuple(_placed(environment, finding) for finding in found)


def _placed(environment: Environment, finding: Finding) -> Finding:
    """The finding with its place: the nearest key above where the value was left out."""
    for end in range(len(finding.keys), 0, -1):
        place = environment.place(finding.keys[:end], key=end < len(finding.keys))
        if place is not None:
            return replace(finding, where=place)
    return replace(finding, where=".".join(str(key) for key in finding.keys))


def _members(name: str, service: ServiceBase) -> Iterator[Finding]:
    keys: Keys = ("services", name, "replicas")
    if service.replicas == 1:
        yield Finding(
            "lint/one-replica",
            f"{name} has one replica: when it stops, clients are cut off until it is back",
            hint="replicas: 3",
            keys=keys,
        )
    elif service.members == 2 and service.needs_majority:
        yield Finding(
            "lint/two-members",
            f"{name} has two members: when either stops, the other is no majority",
            hint="replicas: 3",
            keys=keys,
        )


def _promises(name: str, service: ServiceBase) -> Iterator[Finding]:
    keys: Keys = ("services", name)
    if service.slo is None:
        yield Finding(
            "lint/no-slo",
            f"{name} has no slo, so nobody is told when clients get too little",
            hint="slo: {rto: 30s, availability: 99.9}",
            keys=keys,
        )
    elif service.slo.rpo == Duration(0) and not service.can_promise_rpo_zero:
        yield Finding(
            "lint/rpo-zero",
            f"{service.engine} can't promise rpo: 0: it may lose writes that it acknowledged",
            hint="leave rpo out, or choose an engine or mode that keeps every acknowledged write",
            severity="error",
            keys=(*keys, "slo", "rpo"),
        )
    if service.backup is None and service.keeps_data:
        yield Finding(
            "lint/no-backup",
            f"{name} has no backup: replicas repeat a mistake, they don't undo it",
            hint='backup: {schedule: "0 3 * * *"}',
            keys=keys,
        )
    elif service.backup is not None and not service.backup.path and not service.backup.after:
        yield Finding(
            "lint/backup-same-disk",
            f"backups of {name} stay beside its data: a lost disk or host takes both",
            hint="backup: {path: a folder on another disk} or {after: a command that copies it}",
            keys=(*keys, "backup"),
        )


def _placing(
    environment: Environment, place: Placement, on: str | None, keys: Keys
) -> Iterator[Finding]:
    keys = (*keys, "place", "hosts")
    twice = [host for host, times in Counter(place.hosts).items() if times > 1]
    for host in twice:
        yield Finding("lint/duplicate-host", f'"{host}" stands here twice', "keep one", keys=keys)
    if place.hosts and isinstance(environment.targets.get(on or ""), KubernetesTarget):
        yield Finding(
            "lint/not-on-kubernetes",
            "place.hosts means nothing on Kubernetes, which places pods itself",
            hint="node_selector of the target chooses nodes",
            keys=keys,
        )


def _racks(environment: Environment, name: str, service: ServiceBase) -> Iterator[Finding]:
    target = environment.targets.get(service.on or "")
    hosts = target.named if isinstance(target, HostsTarget) else None
    if hosts is None or service.members < 2:
        return
    racks = {hosts[host].rack for host in candidate_hosts(service.place, hosts)}
    if len(racks) == 1 and None not in racks:
        yield Finding(
            "lint/one-rack",
            f"all members of {name} sit in rack {racks.pop()}, so they can fail together",
            hint="let place take in hosts of another rack",
            keys=("services", name, "place"),
        )


def _routes(environment: Environment) -> Iterator[Finding]:
    for name, route in environment.routes.items():
        if route.vip is None:
            continue
        keys: Keys = ("routes", name, "vip")
        pool = environment.services.get(route.via or route.to)
        if pool is not None and isinstance(
            environment.targets.get(pool.on or ""), KubernetesTarget
        ):
            yield Finding(
                "lint/not-on-kubernetes",
                "a vip is not used on Kubernetes, where a route has a Service of its own",
                hint="leave vip out, unless the same file is for hosts too",
                keys=keys,
            )
        elif pool is not None and pool.balances and pool.members == 1:
            yield Finding(
                "lint/lone-balancer",
                f"the vip of {name} has one balancer to be on: when it stops, the route is gone",
                hint=f"replicas: 2 of {route.via}",
                keys=keys,
            )


def _unsupported(environment: Environment) -> Iterator[Finding]:
    """What is read and checked, but not built by this version."""
    if any(route.via is None for route in environment.routes.values()):
        yield Finding(
            "lint/unsupported",
            "routes is read and checked, but this version of opsctl does not build it",
            hint="everything else is applied",
            keys=("routes",),
        )
    yield from unwatched(environment)
