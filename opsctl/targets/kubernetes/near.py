"""Everything of a group whose members sit beside their clients, as resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from opsctl.planning.resource import Impact, Resource
from opsctl.ports.secrets import Secrets
from opsctl.targets.kubernetes.configmap import config_map, further_maps
from opsctl.targets.kubernetes.daemonset import daemon_set
from opsctl.targets.kubernetes.fingerprints import digest
from opsctl.targets.kubernetes.puts import puts
from opsctl.targets.kubernetes.resources import (
    MANIFEST,
    POD,
    Facets,
    identity,
    needs,
    plain_facets,
    process_impacts,
    resource,
    secret_facets,
    taken_in,
)
from opsctl.targets.kubernetes.secret import secret
from opsctl.targets.kubernetes.service import entrance_services
from opsctl.targets.kubernetes.site import (
    STARTED_WITH,
    Manifest,
    Payload,
    Placed,
    Put,
    Running,
    Site,
    group_name,
    proves,
)
from opsctl.workload import Group, Member, Seat, Workload

Taken: TypeAlias = Mapping[str, str | None]  # attributes of what a pod has beyond its template


def near_resources(
    site: Site, workload: Workload, group: Group, secrets: Secrets
) -> Iterator[Resource]:
    """What all members share, in the order it is created; then each member's own pod.

    What they share is of no member: to change it disturbs nobody. What a change costs stands with
    each pod, so that one after the other takes it in.
    """
    placed, service = Placed(site, workload, group, group.members[0]), workload.service
    for entrance in entrance_services(site, workload, group):
        yield resource(site, entrance, service)
    for plain in (config_map(placed), *further_maps(placed)):
        yield resource(site, plain, service, facets=plain_facets(placed, plain))
    if hidden := secret(placed):
        yield resource(site, hidden, service, facets=secret_facets(placed, hidden, secrets))
    pods = daemon_set(placed)
    files, taken = puts(placed), taken_in(placed, secrets)
    yield resource(site, pods, service, facets=_facets(placed, pods, taken))
    for member in group.members:
        if member.seat.node:
            yield _pod(placed, member, pods, taken, files)


def _facets(placed: Placed, manifest: Manifest, taken: Taken) -> Facets:
    """What pods that are still to come are made of: it costs those that run nothing."""
    spec = manifest["spec"]
    outside = {key: value for key, value in spec.items() if key != "template"}
    wishes = tuple(wish for part in placed.member.components for wish in part.kernel)
    return Facets(
        {
            MANIFEST: digest([manifest["metadata"], outside]),
            POD: digest(spec["template"]),
            **taken,
        },
        needs=needs(placed),
        payload=Payload(manifest, wishes=wishes, seat=_of_all(placed)),
        proves=proves(placed.member),
    )


def _of_all(placed: Placed) -> Seat:
    """The seat from which those of all nodes are named."""
    first = placed.workload.groups[0].name == placed.group.name
    stem = placed.workload.service if first else group_name(placed.workload, placed.group)
    return replace(placed.member.seat, member=stem, node="")


def _pod(
    placed: Placed, member: Member, manifest: Manifest, taken: Taken, files: tuple[Put, ...]
) -> Resource:
    """The pod on the member's node: the DaemonSet makes it, opsctl says when it is replaced."""
    site, workload = placed.site, placed.workload
    annotations = manifest["spec"]["template"]["metadata"]["annotations"]
    name = group_name(workload, placed.group)
    return Resource(
        id=identity(site, "Pod", member.name),
        service=workload.service,
        member=member.name,
        component=member.components[0].name,
        desired={POD: annotations[STARTED_WITH], **taken},
        text=f"the pod of DaemonSet {name} on node {member.seat.node}\n",
        impact={POD: Impact.RESTART, **process_impacts()},
        needs=(identity(site, "DaemonSet", name),),
        payload=Running(name, member.seat.node, files),
        proves=proves(member),
    )
