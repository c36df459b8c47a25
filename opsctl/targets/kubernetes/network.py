"""NetworkPolicy: the declared ports and no others."""

from __future__ import annotations

from opsctl.targets.kubernetes.site import (
    Manifest,
    Site,
    group_labels,
    group_name,
    group_selector,
    service_selector,
)
from opsctl.workload import Group, Workload


def network_policy(site: Site, workload: Workload, group: Group) -> Manifest:
    """Clients reach client ports from anywhere, members' ports only from this service's pods."""
    members = {"podSelector": {"matchLabels": service_selector(site, workload)}}
    inside, outside = _ports(group, "members"), _ports(group, "clients")
    ingress: list[Manifest] = []
    if outside:
        ingress.append({"ports": outside})
    if inside:
        ingress.append({"from": [members], "ports": inside})
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


def _ports(group: Group, audience: str) -> list[Manifest]:
    numbers = {
        port.number
        for member in group.members
        for component in member.components
        for port in component.ports
        if port.audience == audience
    }
    return [{"port": number, "protocol": "TCP"} for number in sorted(numbers)]
