"""A component's systemd unit: its file, and the unit itself with what its process started with."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.model import ServiceBase
from opsctl.planning.resource import Impact, Resource
from opsctl.targets.hosts import fingerprints, layout
from opsctl.targets.hosts.realise.context import Context, Payload
from opsctl.targets.hosts.realise.directories import mount_of
from opsctl.targets.hosts.realise.files import whole_file
from opsctl.targets.hosts.realise.packages import wanted
from opsctl.targets.hosts.realise.unit_text import UnitText, start_timeout, unit_text
from opsctl.workload import Component, Member, Text, Workload


def units(
    context: Context,
    workload: Workload,
    member: Member,
    service: ServiceBase,
    before: Sequence[Resource],
) -> tuple[Resource, ...]:
    """Two resources for each component: the unit's file and the unit. `before` is needed first."""
    found: list[Resource] = []
    for component in member.components:
        name = layout.unit_name(
            context.environment.name, workload.service, component.name, member.name
        )
        text = unit_text(_about(name, workload, member, component, service))
        file = whole_file(
            context,
            context.id("file", member.seat.node, layout.unit_path(name)),
            workload.service,
            Text((text,)),
            "0644",
            member=member.name,
            seat=member.seat,
        )
        found += [file, _unit(context, workload, member, component, service, name, file, before)]
    return tuple(found)


def _about(
    name: str, workload: Workload, member: Member, component: Component, service: ServiceBase
) -> UnitText:
    return UnitText(
        name=name,
        description=f"{member.name} {component.name} ({workload.engine}, kept by opsctl)",
        member=member,
        component=component,
        packages=tuple(package.name for package in wanted(component, member.seat.system)),
        recorded=_restarting(component),
        mounts=tuple(mount for volume in component.volumes if (mount := mount_of(volume, service))),
    )


def _restarting(component: Component) -> tuple[str, ...]:
    """Files that only a restart takes in. There is no reload on hosts yet: it counts as one."""
    return tuple(
        file.path
        for file in component.files
        if file.life == "managed" and file.effect in ("restart", "reload")
    )


def _unit(
    context: Context,
    workload: Workload,
    member: Member,
    component: Component,
    service: ServiceBase,
    name: str,
    file: Resource,
    before: Sequence[Resource],
) -> Resource:
    node = member.seat.node
    versions = _locked(context, member, component)
    paths = (*_restarting(component), file.id.name)
    known = {one.id.name: one for one in (*before, file) if one.id.kind == "file"}
    parts = {path: known[path].desired["content"] for path in paths} | versions
    complete = {name: value for name, value in parts.items() if value is not None}
    loaded = fingerprints.of_parts(complete) if len(complete) == len(parts) else None
    spec = {
        "files": {path: _holds_secret(known[path]) for path in paths},
        "packages": sorted(versions),
        "ports": [port.number for port in component.ports],
        "start_timeout": start_timeout(component),
    }
    return Resource(
        id=context.id("unit", node, name),
        service=workload.service,
        member=member.name,
        component=component.name,
        desired={"enabled": "yes", "running": "yes", "loaded": loaded},
        impact={"loaded": Impact.RESTART},
        protected=service.protect,
        needs=tuple(one.id for one in (*before, file)),
        payload=Payload(spec, seat=member.seat),
    )


def _locked(context: Context, member: Member, component: Component) -> dict[str, str | None]:
    """Versions of the component's packages that opsctl.lock holds: raising one is a restart."""
    locked = context.options.packages.locked.get(member.seat.system, {})
    packages = wanted(component, member.seat.system)
    return {one.name: locked[one.name] for one in packages if one.name in locked}


def _holds_secret(file: Resource) -> bool:
    assert isinstance(file.payload, Payload)
    return bool(file.payload.spec.get("secret"))
