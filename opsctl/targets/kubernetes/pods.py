"""Which pod is a member's, and what runs in it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from opsctl.targets.kubernetes.live import MEMBER, SERVICE, keeper, labels, leaving
from opsctl.targets.kubernetes.seats import near_name
from opsctl.targets.kubernetes.site import Manifest
from opsctl.workload import Seat

GROUP: Final = "opsctl.dev/group"


@dataclass(frozen=True, slots=True)
class Inside:
    """One container of a pod. `id` is the runtime's, "" before it first ran."""

    name: str
    image: str
    running: bool
    id: str = ""
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A member's pod and the node it is on."""

    pod: str
    node: str
    ip: str
    containers: Mapping[str, Inside]

    def running(self, component: str) -> Inside | None:
        """The component's container, or one of the same image in its stead while that is down: all
        containers of a pod see the same files and the same network."""
        own = self.containers.get(component)
        if own is None or own.running:
            return own
        twins = (one for one in self.containers.values() if one.image == own.image)
        return next((one for one in twins if one.running), None)


def places(pods: Iterable[Manifest]) -> dict[str, Place]:
    """By member. While one pod leaves and another comes, the one that stays counts."""
    found: dict[str, tuple[bool, Place]] = {}
    for pod in pods:
        for member in _members(pod):
            if member not in found or not leaving(pod):
                found[member] = (leaving(pod), _place(pod))
    return {member: place for member, (_, place) in found.items()}


def located(seat: Seat, known: Mapping[str, Place]) -> tuple[Seat, ...]:
    """The seat on its member's node; of one that stands for all nodes, one on each of them."""
    if seat.member in known:
        return (replace(seat, node=known[seat.member].node),)
    if not seat.near_clients or seat.node:
        return (seat,)
    nodes = sorted({place.node for place in known.values() if place.node})
    names = {node: near_name(seat.member, node) for node in nodes}
    found = [replace(seat, member=name, node=node) for node, name in names.items() if name in known]
    return tuple(found) or (seat,)


def missing(daemon_sets: Iterable[Manifest], pods: Iterable[Manifest]) -> str:
    """What DaemonSets still have to make, in words; "" when each has a pod on every node that it
    wants one on, running or not."""
    placed = [
        keeper(pod)[1]
        for pod in pods
        if keeper(pod)[0] == "DaemonSet" and not leaving(pod) and (pod["spec"].get("nodeName"))
    ]
    for one in daemon_sets:
        name, status = one["metadata"]["name"], one.get("status") or {}
        if int(status.get("observedGeneration") or 0) < int(one["metadata"]["generation"]):
            return f"the cluster has not looked at {name} yet"
        wanted = int(status.get("desiredNumberScheduled") or 0)
        if placed.count(name) < wanted:
            return f"{name} has {placed.count(name)} of {wanted} pods"
    return ""


def _members(pod: Manifest) -> tuple[str, ...]:
    """A StatefulSet's pod says whose it is; one near its clients is named after its node, and after
    its service alone or service and group. Both are tried: no other member has either name."""
    said = labels(pod)
    if MEMBER in said:
        return (said[MEMBER],)
    node = str((pod.get("spec") or {}).get("nodeName") or "")
    if keeper(pod)[0] != "DaemonSet" or not node:
        return ()
    service = said.get(SERVICE, "")
    stems = (service, f"{service}-{said.get(GROUP, '')}")
    return tuple(near_name(stem, node) for stem in stems)


def _place(pod: Manifest) -> Place:
    spec: Mapping[str, Any] = pod.get("spec") or {}
    status: Mapping[str, Any] = pod.get("status") or {}
    seen = {one["name"]: one for one in status.get("containerStatuses") or ()}
    return Place(
        pod["metadata"]["name"],
        str(spec.get("nodeName") or ""),
        str(status.get("podIP") or ""),
        {one["name"]: _inside(one, seen.get(one["name"], {})) for one in spec["containers"]},
    )


def _inside(container: Mapping[str, Any], status: Mapping[str, Any]) -> Inside:
    return Inside(
        container["name"],
        container["image"],
        "running" in (status.get("state") or {}),
        str(status.get("containerID") or "").rpartition("//")[2],
        int(status.get("restartCount") or 0),
    )
