"""Folders of a member: configuration, and data on its volumes."""

from __future__ import annotations

from opsctl.model import ServiceBase
from opsctl.planning.resource import Resource
from opsctl.targets.hosts import layout
from opsctl.targets.hosts.realise.context import Context, Payload
from opsctl.workload import Component, Member, Volume, Workload


def directories(
    context: Context, workload: Workload, member: Member, service: ServiceBase
) -> tuple[Resource, ...]:
    """Volumes first; then the folders of files that lie elsewhere below the seat's own."""
    found: dict[str, Resource] = {}
    for component in member.components:
        for volume in component.volumes:
            made = _volume(context, workload, member, component, volume, service)
            found.setdefault(volume.path, made)
    for path in _parents(member):
        if path not in found:
            found[path] = _folder(context, workload, member, path)
    return tuple(found.values())


def mount_of(volume: Volume, service: ServiceBase) -> str:
    """The path at or above which something must be mounted; "" when nothing must."""
    return (service.storage.path or layout.DATA) if volume.require_mount else ""


def _volume(
    context: Context,
    workload: Workload,
    member: Member,
    component: Component,
    volume: Volume,
    service: ServiceBase,
) -> Resource:
    return Resource(
        id=context.id("directory", member.seat.node, volume.path),
        service=workload.service,
        member=member.name,
        desired={"owner": f"{component.user}:{component.user}", "mode": "0750"},
        loss=f"the data of {member.name}",
        protected=service.protect,
        payload=Payload({"mount": mount_of(volume, service)}, seat=member.seat),
    )


def _parents(member: Member) -> list[str]:
    """Folders that hold files of the member, each once."""
    found = []
    for component in member.components:
        for file in component.all_files:
            parent = file.folder
            inside = parent.startswith((member.seat.config_dir, member.seat.data_dir))
            if inside and parent not in found:
                found.append(parent)
    return found


def _folder(context: Context, workload: Workload, member: Member, path: str) -> Resource:
    """Root's, unless a server rewrites a file there: it then makes a new one beside the old."""
    users = {
        (component.user, file.life)
        for component in member.components
        for file in component.all_files
        if file.folder == path
    }
    names = {user for user, _ in users}
    user = names.pop() if len(names) == 1 else ""
    seeded = any(life == "seeded" for _, life in users)
    owner = f"{user if seeded else 'root'}:{user}" if user else "root:root"
    return Resource(
        id=context.id("directory", member.seat.node, path),
        service=workload.service,
        member=member.name,
        desired={"owner": owner, "mode": "0750" if user else "0755"},
        payload=Payload({}, seat=member.seat),
    )
