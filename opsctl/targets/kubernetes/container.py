"""One component as a container."""

from __future__ import annotations

import math
import re
from typing import Final

from opsctl.targets.kubernetes.commands import in_order, program, start
from opsctl.targets.kubernetes.holding import resume
from opsctl.targets.kubernetes.images import image
from opsctl.targets.kubernetes.jobs import IDLE, looked_into, mount, room, telling
from opsctl.targets.kubernetes.site import RUN, SOURCES, Manifest, Placed, quantity
from opsctl.targets.kubernetes.sources import SCRIPT
from opsctl.targets.kubernetes.storage import mounts, node_mounts
from opsctl.workload import Component, Job, Limits, Probe

_CPU: Final = "100m"  # what is reserved: without any, a busy neighbour starves the server
_STARTING: Final = 600  # seconds a server may take to load its data before it counts as hung

# Letters, at least one, digits and single hyphens between them, 15 in all: RFC 6335.
_PORT_NAME: Final = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")

_SECURITY: Final[Manifest] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
}


def container(placed: Placed, component: Component) -> Manifest:
    """The component's container."""
    found: Manifest = {
        "name": component.name,
        "image": image(component, placed.site.options.images),
        "imagePullPolicy": "IfNotPresent",
        "command": start(component.command),
        "ports": _ports(component, on_node=placed.site.agents),
        "resources": _resources(component.limits),
        "securityContext": _SECURITY,
        "volumeMounts": [
            *mounts(placed.member),
            *looked_into(placed, component),
            *node_mounts(placed),
        ],
        **_probes(component),
        **_surroundings(placed),
    }
    if not component.volumes:
        found["workingDir"] = RUN
    held = resume(placed.workload, placed.member.name, component.name)
    hooks = {
        "postStart": (*component.command.after_start, *held),
        "preStop": component.command.before_stop,
    }
    lifecycle = {
        name: {"exec": {"command": in_order(commands)}}
        for name, commands in hooks.items()
        if commands
    }
    if lifecycle:
        found["lifecycle"] = lifecycle
    return found


def installer(placed: Placed) -> Manifest:
    """The init container that puts files in place; it runs in the first component's image."""
    return {
        "name": "opsctl-files",
        "image": image(placed.member.components[0], placed.site.options.images),
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", f"{SOURCES}/{SCRIPT}"],
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"memory": "64Mi"},
        },
        "securityContext": _SECURITY,
        "volumeMounts": [*mounts(placed.member), *(mount(job) for job in telling(placed))],
        **_surroundings(placed),
    }


def job_container(placed: Placed, component: Component, job: Job) -> Manifest:
    """What a job runs at its times, in a pod of its own."""
    return _beside(placed, component, job) | {"command": program(job.argv)}


def job_room(placed: Placed, component: Component, job: Job) -> Manifest:
    """The same in the member's pod, where it waits for who asks."""
    return _beside(placed, component, job) | {"command": ["sh", "-c", IDLE]}


def _beside(placed: Placed, component: Component, job: Job) -> Manifest:
    resources: Manifest = {"requests": {"cpu": "10m", "memory": "16Mi"}}
    if component.limits.memory:
        resources["limits"] = {"memory": quantity(component.limits.memory)}
    return {
        "name": room(component.name, job.name),
        "image": image(component, placed.site.options.images),
        "imagePullPolicy": "IfNotPresent",
        "resources": resources,
        "securityContext": _SECURITY,
        "volumeMounts": [*mounts(placed.member), mount(job)],
        "workingDir": RUN,
    }


def _surroundings(placed: Placed) -> Manifest:
    """Pods of a group that shares its files tell their own address themselves."""
    if not placed.shared:
        return {}
    own = {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}
    return {"env": [{"name": "OPSCTL_OWN", "valueFrom": own}]}


def _ports(component: Component, *, on_node: bool) -> list[Manifest]:
    """Those whose name a container's port may have are named. They are for people alone: entrances
    come and go, and must not replace pods."""
    return [
        ({"name": port.name} if _PORT_NAME.fullmatch(port.name) else {})
        | {"containerPort": port.number, "protocol": "TCP"}
        | ({"hostPort": port.number} if on_node else {})
        for port in component.ports
        if not port.entrance
    ]


def _resources(limits: Limits) -> Manifest:
    requested = limits.memory_request or limits.memory
    requests = {"cpu": _CPU} | ({"memory": quantity(requested)} if requested else {})
    found: Manifest = {"requests": requests}
    if limits.memory:
        found["limits"] = {"memory": quantity(limits.memory)}
    return found


def _probes(component: Component) -> Manifest:
    """Liveness waits until the server has started; readiness is asked all the time."""
    live = tuple(probe for probe in component.probes if probe.purpose == "live")
    ready = tuple(probe for probe in component.probes if probe.purpose == "ready")
    found: Manifest = {}
    if live:
        found["startupProbe"] = _starting(component, live)
        found["livenessProbe"] = _probe(live)
    if ready:
        found["readinessProbe"] = _probe(ready)
    return found


def _probe(probes: tuple[Probe, ...]) -> Manifest:
    period = max(1, math.ceil(min(probe.period for probe in probes)))
    argv = [probe.argv for probe in probes]
    return {
        "exec": {"command": in_order(argv)},
        "periodSeconds": period,
        "timeoutSeconds": period,
        "failureThreshold": min(probe.failures for probe in probes),
    }


def _starting(component: Component, live: tuple[Probe, ...]) -> Manifest:
    command = component.command
    allowed = _STARTING + (command.before_start_timeout if command.before_start else 0)
    return _probe(live) | {"periodSeconds": 1, "failureThreshold": math.ceil(allowed)}
