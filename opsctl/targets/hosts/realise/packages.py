"""Packages of a member's node, the units they bring that nobody uses, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.errors import SpecError
from opsctl.planning.resource import Resource
from opsctl.targets.hosts.realise.context import Context, Payload
from opsctl.targets.hosts.realise.files import whole_file
from opsctl.workload import Component, Member, Package, Text, Workload

CODENAMES = {"debian-12": "bookworm", "debian-13": "trixie"}
ANY = "any"  # a package of whatever version is there


def wanted(component: Component, system: str) -> tuple[Package, ...]:
    """The packages for a system; for one that was never tried, as the newest one has them.

    Raises SpecError hosts/no-software when none are known at all.
    """
    known = component.software.packages
    if known:
        return known.get(system) or known[max(known)]
    message = f"{component.name} has no packages for hosts"
    raise SpecError("hosts/no-software", message, hint="place its service on another target")


def packages(context: Context, workload: Workload, member: Member) -> tuple[Resource, ...]:
    """A mask before each package whose own unit must not start."""
    return tuple(_each(context, workload, member))


def _each(context: Context, workload: Workload, member: Member) -> Iterator[Resource]:
    seat, settings = member.seat, context.options.packages
    sources: tuple[Resource, ...] = ()
    if settings.mirror and seat.system in CODENAMES:
        sources = (_mirror(context, workload, seat.node, CODENAMES[seat.system]),)
        yield from sources
    for component in member.components:
        for package in wanted(component, seat.system):
            masks = tuple(
                Resource(
                    id=context.id("mask", seat.node, unit),
                    service=workload.service,
                    member="",
                    desired={"masked": "yes"},
                    payload=Payload(),
                )
                for unit in package.own_units
            )
            yield from masks
            locked = settings.locked.get(seat.system, {}).get(package.name, "")
            yield Resource(
                id=context.id("package", seat.node, package.name),
                service=workload.service,
                member="",
                desired={"version": locked or package.version or ANY},
                needs=tuple(resource.id for resource in (*masks, *sources)),
                payload=Payload(),
            )


def _mirror(context: Context, workload: Workload, node: str, codename: str) -> Resource:
    line = f"deb {context.options.packages.mirror} {codename} main\n"
    path = f"/etc/apt/sources.list.d/opsctl-{context.environment.name}.list"
    name = context.id("file", node, path)
    return whole_file(context, name, workload.service, Text((line,)), "0644", early=True)
