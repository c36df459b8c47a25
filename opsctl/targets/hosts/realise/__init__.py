"""Workloads -> resources, one file per kind. Pure: nothing here reaches a host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsctl.model import ServiceBase
from opsctl.planning.resource import Resource
from opsctl.targets.hosts.realise.context import Context, Payload
from opsctl.targets.hosts.realise.directories import directories
from opsctl.targets.hosts.realise.doors import check_doors
from opsctl.targets.hosts.realise.files import files
from opsctl.targets.hosts.realise.firewall import firewall
from opsctl.targets.hosts.realise.jobs import jobs
from opsctl.targets.hosts.realise.kernel import kernel
from opsctl.targets.hosts.realise.packages import packages
from opsctl.targets.hosts.realise.units import units
from opsctl.workload import Workload

__all__ = ["Context", "Payload", "realise"]


def realise(
    context: Context, workloads: Sequence[Workload], services: Mapping[str, ServiceBase]
) -> tuple[Resource, ...]:
    """Everything that must exist, each thing once; hosts in the order of their members. Raises
    hosts/duplicate-port."""
    check_doors(workloads)
    found: dict[str, Resource] = {}
    collectors = [
        member.name
        for workload in workloads
        if services[workload.service].collects
        for member in workload.members()
    ]
    for workload in workloads:
        service = services[workload.service]
        for resource in firewall(context, workload, collectors):
            found.setdefault(resource.id.key, resource)
        for member in workload.members():
            node = (*kernel(context, workload, member), *packages(context, workload, member))
            folders = directories(context, workload, member, service)
            written = files(context, workload, member, folders)
            started = units(context, workload, member, service, (*node, *folders, *written))
            timed = jobs(context, workload, member, (*node, *folders, *written))
            for resource in (*node, *folders, *written, *started, *timed):
                found.setdefault(resource.id.key, resource)
    return tuple(found.values())
