"""Kernel wishes as resources, where the target sets them; else they are only looked at."""

from __future__ import annotations

from opsctl.planning.resource import Resource
from opsctl.targets.hosts.realise.context import Context, Payload
from opsctl.workload import Member, Workload


def kernel(context: Context, workload: Workload, member: Member) -> tuple[Resource, ...]:
    if context.options.kernel != "apply":
        return ()
    return tuple(
        Resource(
            id=context.id("kernel", member.seat.node, wish.name),
            service=workload.service,
            member="",
            desired={"value": wish.value, "at boot": "yes"},
            payload=Payload(),
        )
        for component in member.components
        for wish in component.kernel
    )
