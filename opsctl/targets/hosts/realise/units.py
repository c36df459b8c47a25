"""A component's systemd unit: its file, its drop-in of live bounds, and the unit itself with what
its process took in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsctl.model import ServiceBase
from opsctl.planning.resource import Impact, Resource
from opsctl.targets.hosts import fingerprints, layout
from opsctl.targets.hosts.realise.context import Context, Payload
from opsctl.targets.hosts.realise.directories import mount_of
from opsctl.targets.hosts.realise.files import whole_file
from opsctl.targets.hosts.realise.packages import wanted
from opsctl.targets.hosts.realise.recording import Recorded, reloading, restarting
from opsctl.targets.hosts.realise.unit_text import UnitText, limits_text, start_timeout, unit_text
from opsctl.workload import Component, Member, Text, Workload


def units(
    context: Context,
    workload: Workload,
    member: Member,
    service: ServiceBase,
    before: Sequence[Resource],
) -> tuple[Resource, ...]:
    """Three resources for each component: the unit's two files and the unit. `before` is needed
    first."""
    found: list[Resource] = []
    for component in member.components:
        name = layout.unit_name(
            context.environment.name, workload.service, component.name, member.name
        )
        text, mark = unit_text(_about(name, workload, member, component, service))
        file = _file(context, workload, member, layout.unit_path(name), text)
        limits = _file(
            context, workload, member, layout.dropin_path(name), limits_text(component),
            {"bounds": name},
        )  # fmt: skip
        unit = _unit(context, workload, member, component, service, (*before, file, limits), mark)
        found += [file, limits, unit]
    return tuple(found)


def _file(
    context: Context,
    workload: Workload,
    member: Member,
    path: str,
    text: str,
    more: Mapping[str, object] | None = None,
) -> Resource:
    return whole_file(
        context,
        context.id("file", member.seat.node, path),
        workload.service,
        Text((text,)),
        "0644",
        member=member.name,
        seat=member.seat,
        more=more,
    )


def _about(
    name: str, workload: Workload, member: Member, component: Component, service: ServiceBase
) -> UnitText:
    return UnitText(
        description=f"{member.name} {component.name} ({workload.engine}, kept by opsctl)",
        member=member,
        component=component,
        recorded=Recorded(
            name=name,
            restarts=(*restarting(component), layout.unit_path(name)),
            reloads=reloading(component),
            packages=tuple(package.name for package in wanted(component, member.seat.system)),
        ),
        mounts=tuple(mount for volume in component.volumes if (mount := mount_of(volume, service))),
    )


def _unit(
    context: Context,
    workload: Workload,
    member: Member,
    component: Component,
    service: ServiceBase,
    before: Sequence[Resource],
    mark: str,
) -> Resource:
    """Its `loaded` is what a process must have been started with, its `taken` what it must have
    taken in at its start or by a reload; `current`: systemd has read the unit's files."""
    name = layout.unit_name(context.environment.name, workload.service, component.name, member.name)
    known = {one.id.name: one for one in before if one.id.kind == "file"}
    restarts = [known[path] for path in (*restarting(component), layout.unit_path(name))]
    reloads = [known[path] for path in reloading(component)]
    versions = _locked(context, member, component)
    desired = {"enabled": "yes", "running": "yes", "current": "yes"}
    spec: dict[str, object] = {
        "files": _secrets(restarts),
        "packages": sorted(versions),
        # On its own floating address a port is free whoever has it on the host's.
        "ports": [port.number for port in component.ports if not port.address],
        "own": context.own(member.seat),
        "start_timeout": start_timeout(component),
    }
    loaded = _together(_contents(restarts) | versions | {"unit text": mark})
    taken = {"taken": _together(_contents(reloads))} if reloads else {}
    if reloads:
        spec["reloads"] = _secrets(reloads)
    return Resource(
        id=context.id("unit", member.seat.node, name),
        service=workload.service,
        member=member.name,
        component=component.name,
        desired={**desired, "loaded": loaded, **taken},
        impact={"loaded": Impact.RESTART, **dict.fromkeys(taken, Impact.RELOAD)},
        protected=service.protect,
        needs=tuple(one.id for one in before),
        payload=Payload(spec, seat=member.seat),
    )


def _locked(context: Context, member: Member, component: Component) -> dict[str, str | None]:
    """Versions of the component's packages that opsctl.lock holds: raising one is a restart."""
    locked = context.options.packages.locked.get(member.seat.system, {})
    packages = wanted(component, member.seat.system)
    return {one.name: locked[one.name] for one in packages if one.name in locked}


def _contents(files: Sequence[Resource]) -> dict[str, str | None]:
    return {file.id.name: file.desired["content"] for file in files}


def _together(parts: Mapping[str, str | None]) -> str | None:
    """One fingerprint for all; None while one of them can't be known here."""
    complete = {name: value for name, value in parts.items() if value is not None}
    return fingerprints.of_parts(complete) if len(complete) == len(parts) else None


def _secrets(files: Sequence[Resource]) -> dict[str, bool]:
    """Which of them hold a secret, by path."""
    found = {}
    for file in files:
        assert isinstance(file.payload, Payload)
        found[file.id.name] = bool(file.payload.spec.get("secret"))
    return found
