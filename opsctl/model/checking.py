"""What one key says of another: targets, services and hosts that are named must be there."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import combinations

from opsctl.errors import SpecError
from opsctl.model.base import Keys
from opsctl.model.environment import Environment
from opsctl.model.explaining import where
from opsctl.model.monitoring import Monitoring
from opsctl.model.services import Placement, ServiceBase
from opsctl.model.targets import Host, HostsTarget, KubernetesTarget
from opsctl.model.tree import Node, find, plain
from opsctl.model.words import did_you_mean


def check_references(environment: Environment, tree: Node) -> Iterator[SpecError]:
    """spec/unknown-target, spec/unknown-service, spec/unknown-host, spec/too-few-hosts,
    spec/duplicate-port."""
    for name, service in environment.services.items():
        yield from _check_service(environment, name, service, tree)
    written = find(tree, ("services",))
    services = plain(written.node) if written else {}
    assert isinstance(services, dict)
    for name, route in environment.routes.items():
        keys: Keys = ("routes", name)
        if route.to in _unwritten(environment, services):
            hint = f"to: {' | '.join(services)}; balancers are named as via"
            yield SpecError(
                "spec/value", balancer(route.to), where=where(tree, (*keys, "to")), hint=hint
            )
        else:
            yield from _known("service", route.to, services, (*keys, "to"), tree)
        if route.via is not None:
            yield from _known("service", route.via, services, (*keys, "via"), tree)
    if environment.monitoring is not None:
        on = environment.monitoring.on
        yield from _known("target", on, environment.targets, ("monitoring", "on"), tree)
        yield from _check_also(environment, environment.monitoring, tree)
    yield from _check_ports(environment, tree)


def _check_also(
    environment: Environment, monitoring: Monitoring, tree: Node
) -> Iterator[SpecError]:
    """Only hosts can be asked from elsewhere: a pod's address is its cluster's own."""
    for at, name in enumerate(monitoring.also):
        keys: Keys = ("monitoring", "also", at)
        yield from _known("target", name, environment.targets, keys, tree)
        both = [environment.targets.get(one) for one in (name, monitoring.on)]
        if any(isinstance(one, KubernetesTarget) for one in both):
            yield SpecError(
                "spec/value",
                f"{name} can't be watched from {monitoring.on}: both must be made of hosts",
                where=where(tree, keys),
                hint="monitor a cluster by an environment of its own",
            )


def balancer(name: str) -> str:
    """Why no route leads to it."""
    return f"{name} is a balancer: nothing is behind it but its routes"


def _unwritten(environment: Environment, written: Container[str]) -> Iterator[str]:
    """The names of balancers that are made where nobody wrote some."""
    names = (f"balancer-{target}" for target in environment.targets)
    return (name for name in names if name not in written)


def _check_service(
    environment: Environment, name: str, service: ServiceBase, tree: Node
) -> Iterator[SpecError]:
    if service.on is None:
        return
    yield from _known("target", service.on, environment.targets, ("services", name, "on"), tree)
    hosts = _named_hosts(environment, service.on)
    if hosts is None or not service.managed:
        return
    mistakes = list(_check_hosts(service.place, hosts, ("services", name), tree))
    yield from mistakes
    candidates = candidate_hosts(service.place, hosts)
    if not mistakes and len(candidates) < service.members:
        yield SpecError(
            "spec/too-few-hosts",
            f"{name} has {service.members} members but {len(candidates)} "
            f"{'host' if len(candidates) == 1 else 'hosts'} to sit on",
            where=where(tree, ("services", name), key=True),
            hint="a host takes one member of a service: add hosts, widen place, or lower replicas",
        )


def candidate_hosts(place: Placement, hosts: dict[str, Host]) -> tuple[str, ...]:
    """The hosts, in their order, on which members may sit."""
    fitting = tuple(
        name
        for name, host in hosts.items()
        if (not place.hosts or name in place.hosts) and place.labels.items() <= host.labels.items()
    )
    return fitting[: place.count] if place.count else fitting


def _named_hosts(environment: Environment, target: str | None) -> dict[str, Host] | None:
    found = environment.targets.get(target or "")
    return found.named if isinstance(found, HostsTarget) else None


def _check_hosts(
    place: Placement, hosts: dict[str, Host], keys: Keys, tree: Node
) -> Iterator[SpecError]:
    for index, host in enumerate(place.hosts):
        yield from _known("host", host, hosts, (*keys, "place", "hosts", index), tree)


def _known(
    what: str, name: str, known: Iterable[str], keys: Keys, tree: Node
) -> Iterator[SpecError]:
    if name not in known:
        yield SpecError(
            f"spec/unknown-{what}",
            f'there is no {what} "{name}"',
            where=where(tree, keys),
            hint=did_you_mean(name, known),
        )


def _check_ports(environment: Environment, tree: Node) -> Iterator[SpecError]:
    """Two services that ask for one port and can't help sharing a host."""
    asking = [
        (name, service, set(candidate_hosts(service.place, hosts)))
        for name, service in environment.services.items()
        if service.managed and service.port is not None
        if (hosts := _named_hosts(environment, service.on)) is not None
    ]
    for (first, one, some), (second, other, more) in combinations(asking, 2):
        crowded = len(some | more) < one.members + other.members
        if one.on == other.on and one.port == other.port and crowded and some & more:
            yield SpecError(
                "spec/duplicate-port",
                f"{first} and {second} both want port {other.port} on one host",
                where=where(tree, ("services", second, "port")),
                hint="give one another port, or other hosts",
            )
