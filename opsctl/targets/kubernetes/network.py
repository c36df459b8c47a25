"""NetworkPolicy: the declared ports and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from opsctl.targets.kubernetes.site import (
    Manifest,
    Site,
    group_labels,
    group_name,
    group_selector,
    service_selector,
)
from opsctl.workload import Group, Lane, Workload

Callers = Mapping[str, frozenset[int]]  # ports by the service that comes to them


@dataclass(frozen=True, slots=True)
class Collectors:
    """Who collects metrics and is not of the environment: pods with these labels in whichever
    namespace, and `addresses` outside of the cluster."""

    labels: Mapping[str, str]
    addresses: tuple[str, ...] = ()

    def peers(self) -> list[Manifest]:
        pods: Manifest = {
            "namespaceSelector": {},
            "podSelector": {"matchLabels": dict(self.labels)},
        }
        return [pods, *({"ipBlock": {"cidr": str(ip_network(one))}} for one in self.addresses)]


def network_policy(
    site: Site,
    workload: Workload,
    group: Group,
    callers: Callers | None = None,
    collectors: Collectors | None = None,
) -> Manifest:
    """Clients reach client ports from anywhere; other ports are reached from this service's pods
    and, those of them that balancers ask or lead to, or that are for collectors, from theirs."""
    read = _numbers(group, "collectors")
    inside = _numbers(group, "members") | read
    outside = _numbers(group, "clients")
    ingress: list[Manifest] = []
    if outside:
        ingress.append({"ports": _ports(outside)})
    if inside:
        ingress.append({"from": [_pods(site, workload.service)], "ports": _ports(inside)})
    for caller, numbers in sorted((callers or {}).items()):
        if asked := inside & numbers:
            ingress.append({"from": [_pods(site, caller)], "ports": _ports(asked)})
    if read and collectors:
        ingress.append({"from": collectors.peers(), "ports": _ports(read)})
    labels = group_labels(site, workload, group)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": site.metadata(group_name(workload, group), labels),
        "spec": {
            "podSelector": {"matchLabels": group_selector(site, workload, group)},
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        },
    }


def callers(workloads: Sequence[Workload], collectors: Sequence[str] = ()) -> dict[str, Callers]:
    """By service: who comes to its members because routes lead there, or to collect metrics, and at
    which ports."""
    found: dict[str, dict[str, frozenset[int]]] = {}
    for workload in workloads:
        ports = frozenset(
            number for group in workload.groups for number in _numbers(group, "collectors")
        )
        if ports:
            others = (name for name in collectors if name != workload.service)
            found.setdefault(workload.service, {}).update(dict.fromkeys(others, ports))
    for pool in workloads:
        for lead in pool.leads({}) if pool.leads is not None else ():
            known = found.setdefault(lead.lane.service, {})
            known[pool.service] = known.get(pool.service, frozenset()) | _asked(lead.lane)
    return dict(found)


def _asked(lane: Lane) -> frozenset[int]:
    """Where clients go, where a member is asked itself, and where others are asked about it."""
    found: set[int] = set()
    for backend in lane.entry.backends:
        voters = (*backend.voters, *backend.vetoes)
        found |= {backend.port, backend.check.port, *(voter.check.port for voter in voters)}
    return frozenset(found)


def _pods(site: Site, service: str) -> Manifest:
    return {"podSelector": {"matchLabels": service_selector(site, service)}}


def _numbers(group: Group, audience: str) -> frozenset[int]:
    return frozenset(
        port.number
        for member in group.members
        for component in member.components
        for port in component.ports
        if port.audience == audience
    )


def _ports(numbers: Iterable[int]) -> list[Manifest]:
    return [{"port": number, "protocol": "TCP"} for number in sorted(numbers)]
