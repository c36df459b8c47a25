"""The target: seats and resources of a namespace, pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from opsctl.errors import Exit, OpsError
from opsctl.model import Kubernetes, ServiceBase
from opsctl.planning.resource import Resource
from opsctl.ports.secrets import Secrets
from opsctl.targets.kubernetes.budget import disruption_budget
from opsctl.targets.kubernetes.doors import ShutDoors
from opsctl.targets.kubernetes.network import network_policy
from opsctl.targets.kubernetes.resources import member_resources, resource
from opsctl.targets.kubernetes.seats import seats
from opsctl.targets.kubernetes.service import group_service
from opsctl.targets.kubernetes.site import Placed, Site
from opsctl.workload import Group, Seat, SeatNeed, Workload


class KubernetesTarget(ShutDoors):
    """One namespace. Its name is the environment's where the options give none."""

    def __init__(self, name: str, options: Kubernetes, environment: str, secrets: Secrets) -> None:
        self.name = name
        self._site = Site(name, environment, options.namespace or environment, options)
        self._secrets = secrets

    def seat(
        self,
        services: Mapping[str, tuple[ServiceBase, tuple[SeatNeed, ...]]],
        recorded: Mapping[str, Sequence[Seat]],  # noqa: ARG002 - ordinals alone decide
    ) -> Mapping[str, tuple[Seat, ...]]:
        """A seat for every member. Every pod has its own network, so ports are as preferred."""
        return {name: seats(name, needs) for name, (_, needs) in services.items()}

    def recorded(self) -> Mapping[str, tuple[Seat, ...]]:
        """None: seats follow from the spec alone."""
        return {}

    def realise(
        self, workloads: Sequence[Workload], services: Mapping[str, ServiceBase]
    ) -> tuple[Resource, ...]:
        """Every object of these workloads, those first that others need."""
        found = tuple(
            one
            for workload in workloads
            for group in workload.groups
            for one in self._group(workload, group, services[workload.service].protect)
        )
        _check_names(found)
        return found

    def address(self, seat: Seat) -> str:
        """The name of the member's Service, for clients inside the cluster."""
        return self._site.host(seat.member)

    def _group(self, workload: Workload, group: Group, protected: bool) -> Iterator[Resource]:
        site, service = self._site, workload.service
        yield resource(site, group_service(site, workload, group), service)
        yield resource(site, network_policy(site, workload, group), service)
        if group.quorum:
            yield resource(site, disruption_budget(site, workload, group), service)
        for member in group.members:
            placed = Placed(site, workload, group, member)
            yield from member_resources(placed, self._secrets, protected)


def _check_names(resources: Sequence[Resource]) -> None:
    counts = Counter(one.id for one in resources)
    for one in resources:
        if counts[one.id] > 1:
            raise OpsError(
                "kubernetes/name-taken",
                f"two services would both have the {one.id.kind} {one.id.name}",
                where=f"namespace {one.id.where}",
                hint=f"rename the service {one.service}",
                exit=Exit.INPUT,
            )
