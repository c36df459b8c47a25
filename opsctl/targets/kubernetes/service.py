"""Service: one per member, for an address that outlives the pod; a headless one per group; one for
each entrance beside clients."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.targets.kubernetes.site import (
    Manifest,
    Placed,
    Site,
    group_labels,
    group_name,
    group_selector,
)
from opsctl.workload import Component, Group, Member, Port, Workload


def member_service(placed: Placed) -> Manifest:
    """The member's own Service.

    Members find each other before they are ready, or no cluster would ever form; one family, so
    that its name has exactly one address.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": placed.site.metadata(placed.name, placed.labels),
        "spec": {
            "type": "ClusterIP",
            "ipFamilyPolicy": "SingleStack",
            "publishNotReadyAddresses": True,
            "selector": placed.selector,
            "ports": _ports(placed.member),
        },
    }


def group_service(site: Site, workload: Workload, group: Group) -> Manifest:
    """The headless Service: its name gives the address of every pod, ready or not.

    Balancers judge for themselves who may serve.
    """
    labels = group_labels(site, workload, group)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": site.metadata(group_name(workload, group), labels),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": group_selector(site, workload, group),
            "ports": _ports(group.members[0]),
        },
    }


def entrance_services(site: Site, workload: Workload, group: Group) -> Iterator[Manifest]:
    """Each leads a client to the pod on its own node alone: no other node can fail it."""
    labels = group_labels(site, workload, group)
    for component in group.members[0].components:
        for port in component.ports:
            if port.entrance:
                yield {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": site.metadata(port.name, labels),
                    "spec": {
                        "type": "ClusterIP",
                        "ipFamilyPolicy": "SingleStack",
                        "internalTrafficPolicy": "Local",
                        "selector": group_selector(site, workload, group),
                        "ports": [_entrance(port)],
                    },
                }


def _entrance(port: Port) -> Manifest:
    return {"name": port.name, "port": port.entrance, "targetPort": port.number, "protocol": "TCP"}


def _ports(member: Member) -> list[Manifest]:
    taken: dict[str, Manifest] = {}
    for component in member.components:
        for port in component.ports:
            name = _free(port.name, component, taken)
            taken[name] = {"name": name, "port": port.number, "targetPort": port.number}
    return list(taken.values())


def _free(name: str, component: Component, taken: dict[str, Manifest]) -> str:
    return f"{component.name}-{name}" if name in taken else name
