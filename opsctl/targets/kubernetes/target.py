"""The target: seats and resources of a namespace, pure; and its doors to the API server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.model import Kubernetes, ServiceBase
from opsctl.planning.observation import Holder, Maintenance, Observation
from opsctl.planning.resource import Resource
from opsctl.ports import Events, Fence, Outcome, Record, Secrets, Upkeep, Work
from opsctl.targets.kubernetes.agents import site_of_agents
from opsctl.targets.kubernetes.api import AWAY, Api
from opsctl.targets.kubernetes.applying import PODS, Applying
from opsctl.targets.kubernetes.budget import disruption_budget
from opsctl.targets.kubernetes.cache import Cache
from opsctl.targets.kubernetes.clock import Clock
from opsctl.targets.kubernetes.connection import Connection
from opsctl.targets.kubernetes.discovery import account, looks
from opsctl.targets.kubernetes.doors import PodDoors
from opsctl.targets.kubernetes.journals import Journals
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.live import ENVIRONMENT
from opsctl.targets.kubernetes.locking import Lock
from opsctl.targets.kubernetes.namespace import ensure, missing
from opsctl.targets.kubernetes.near import near_resources
from opsctl.targets.kubernetes.network import Callers, Collectors, callers, network_policy
from opsctl.targets.kubernetes.observing import FINDING, LISTED, Looking, joined
from opsctl.targets.kubernetes.reaching import CutPower, Reach
from opsctl.targets.kubernetes.resources import member_resources, resource
from opsctl.targets.kubernetes.seats import Rooms, seats
from opsctl.targets.kubernetes.service import group_service
from opsctl.targets.kubernetes.site import BACKUPS, Placed, Site, discovers
from opsctl.workload import Group, Seat, SeatNeed, Workload


@dataclass(frozen=True, slots=True)
class Access:
    """How the cluster is reached, and what an apply may do there.

    `kubeconfig` None: as kubectl finds it. `pods`: seconds that pods may take to run. `cache` None:
    nothing is remembered. `cut_power` takes the power of nodes, where that can be done from here.
    `collectors`: who collects metrics and is not of the environment.
    """

    kubeconfig: Path | None = None
    cache: Path | None = None
    environment_id: str = ""
    force_conflicts: bool = False
    pods: float = PODS
    cut_power: CutPower | None = None
    collectors: Collectors | None = None


class KubernetesTarget(PodDoors):
    """One namespace. Its name is the environment's where the options give none."""

    pods = True

    def __init__(
        self,
        name: str,
        options: Kubernetes,
        environment: str,
        secrets: Secrets,
        access: Access | None = None,
    ) -> None:
        self.name = name
        self._site = Site(name, environment, options.namespace or environment, options)
        self._agents = site_of_agents(self._site)
        self._secrets = secrets
        self._access = access or Access()
        connection = Connection(options.context, self._access.kubeconfig)
        self.api = Api(connection, name, self._site.namespace)
        self._clock = Clock(self.api)
        self._lock = Lock(self.api, self._site, self._clock)
        power = self._access.cut_power
        self.reach = Reach(self.api, self._site, secrets, self._lock.check, power)
        self.reach_agents = Reach(
            replace(self.api, namespace=self._agents.namespace), self._agents, secrets,
            self._lock.check, power,
        )  # fmt: skip
        self._cache = Cache(self._access.cache, environment, name)

    def seat(
        self,
        services: Mapping[str, tuple[ServiceBase, tuple[SeatNeed, ...]]],
        recorded: Mapping[str, Sequence[Seat]],
    ) -> Mapping[str, tuple[Seat, ...]]:
        """A seat for every member. Every pod has its own network, so ports are as preferred.

        Members near their clients sit on the nodes where they were last seen.
        """
        rooms = Rooms(self._site.namespace, self._agents.namespace)
        return {
            name: seats(name, needs, _nodes(recorded.get(name, ())), _backup_dir(service), rooms)
            for name, (service, needs) in services.items()
        }

    def recorded(self, *, ask: bool = True) -> Mapping[str, tuple[Seat, ...]]:  # noqa: ARG002
        """As this machine remembers; nothing is asked."""
        return self._cache.read()

    def expecting(self) -> AbstractContextManager[None]:
        """Nothing is begun: the first question is what takes time, and it is asked by the look."""
        return nullcontext()

    def newest(self, workloads: Sequence[Workload]) -> Mapping[str, Mapping[str, str]]:  # noqa: ARG002
        """Nothing: which image runs is written in the spec."""
        return {}

    def realise(
        self, workloads: Sequence[Workload], services: Mapping[str, ServiceBase]
    ) -> tuple[Resource, ...]:
        """Every object of these workloads, those first that others need."""
        collectors = [one.service for one in workloads if services[one.service].collects]
        known = callers(workloads, collectors)
        rooms = [self._site, self._agents] if _any_agents(workloads, self._agents) else [self._site]
        found = tuple(
            one
            for workload in workloads
            for group in workload.groups
            for one in self._group(
                workload,
                group,
                services[workload.service].protect,
                known.get(workload.service, {}),
                rooms,
            )
        )
        _check_names(found)
        return found

    def observe(self, resources: Sequence[Resource], workloads: Sequence[Workload]) -> Observation:
        mine = [one for one in resources if one.id.where == self._site.where]
        theirs = [one for one in resources if one.id.where == self._agents.where]
        with ThreadPoolExecutor(1) as pool:
            further = pool.submit(self._observe_agents, theirs, workloads)
            found = self._looking(self.reach, self._site).look(mine, workloads)
        found = joined(found, further.result())
        if not found.unreachable:
            self._cache.write(found.seats)
        return found

    def _observe_agents(
        self, resources: Sequence[Resource], workloads: Sequence[Workload]
    ) -> Observation | None:
        """None where nothing of ours is there, nor wanted."""
        if not resources and not self._has_agents():
            return None
        return self._looking(self.reach_agents, self._agents).look(resources, workloads)

    def _has_agents(self) -> bool:
        """Whether anything is: a removal may have ended before its end. Who may not look there put
        nothing there. A server that is away is told of elsewhere."""
        api, selector = self.reach_agents.api, f"{ENVIRONMENT}={self._site.environment}"
        try:
            return not missing(api) and any(
                api.list(KINDS[kind].path(api.namespace), selector, bare=True)
                for kind in (*LISTED, *FINDING)
            )
        except OpsError:
            return False

    def _looking(self, reach: Reach, site: Site) -> Looking:
        return Looking(
            reach.api,
            site,
            self._clock,
            self._secrets,
            self._identity,
            reach.questions,
            self._access.force_conflicts,
        )

    def apply(self, work: Sequence[Work], fence: Fence, events: Events) -> Mapping[str, Outcome]:
        """What looks at nodes comes first: others may wait for it."""
        outcomes: dict[str, Outcome] = {}
        for reach in (self.reach_agents, self.reach):
            if mine := [one for one in work if one.where == reach.site.where]:
                outcomes |= self._applying(reach).run(mine, fence, events)
        return outcomes

    def _applying(self, reach: Reach) -> Applying:
        return Applying(
            reach.api.patient(AWAY),
            reach.site,
            self._secrets,
            self._lock,
            self._identity,
            self._access.force_conflicts,
            self._access.pods,
        )

    def clocks(self) -> Mapping[str, tuple[float, float]]:
        """Of the nodes that have members, and of the API server, whose answers bear its time."""
        return {**self.reach.clocks(), self._site.where: self._clock.measure()}

    def address(self, seat: Seat) -> str:
        """The name of the member's Service, for clients inside the cluster."""
        return "" if seat.near_clients else self._site.host(seat.member)

    def acquire(self, holder: str, ttl: float) -> Fence:
        """Makes the namespace where there is none: the lock lives in it."""
        ensure(self.api, self._site)
        return self._lock.acquire(holder, ttl)

    def renew(self, fence: Fence, ttl: float) -> None:
        self._lock.renew(fence, ttl)

    def release(self, fence: Fence) -> None:
        self._lock.release(fence)

    def break_lock(self, reason: str, who: str) -> Holder | None:  # noqa: ARG002 - the journal's
        return self._lock.take()

    def record(
        self, records: Sequence[Record], fence: Fence, document: Mapping[str, Any] | None = None
    ) -> None:
        """Raises kubernetes/fenced, or why it could not be written."""
        self._lock.check(fence)
        Journals(self.api.patient(AWAY), self._site).append(records, document)

    def maintain(self, upkeep: Upkeep, fence: Fence) -> Mapping[str, str]:
        self._lock.check(fence)
        failed = self._pin(upkeep)
        Journals(self.api, self._site).hold(upkeep, self._clock.now())
        return failed

    def maintenance(self) -> Mapping[str, Maintenance]:
        return Journals(self.api, self._site).held(self._clock.now())

    def history(self, limit: int) -> tuple[Record, ...]:
        return Journals(self.api, self._site).history(limit)

    def document(self, revision: int) -> Mapping[str, Any] | None:
        return Journals(self.api, self._site).document(revision)

    @property
    def namespace(self) -> str:
        """Where everything of the environment is."""
        return self._site.namespace

    @property
    def _identity(self) -> str:
        return self._access.environment_id or self._site.environment

    def _group(
        self,
        workload: Workload,
        group: Group,
        protected: bool,
        known: Callers,
        rooms: Sequence[Site],
    ) -> Iterator[Resource]:
        first, service = group.members[0], workload.service
        site = self._agents if first.seat.realm == self._agents.namespace else self._site
        yield resource(site, group_service(site, workload, group), service)
        if not site.agents:  # policies do not reach who uses the network of its node
            theirs = self._access.collectors
            yield resource(site, network_policy(site, workload, group, known, theirs), service)
        if discovers(first):
            yield resource(site, account(site, workload, group), service)
            for room in rooms:
                for manifest in looks(room, site, workload, group):
                    yield resource(room, manifest, service)
        if group.members[0].seat.near_clients:  # a drain passes a DaemonSet's pods over
            yield from near_resources(site, workload, group, self._secrets)
            return
        if group.quorum:
            yield resource(site, disruption_budget(site, workload, group), service)
        for member in group.members:
            placed = Placed(site, workload, group, member)
            yield from member_resources(placed, self._secrets, protected)


def _backup_dir(service: ServiceBase) -> str:
    """Where the volume for backups is mounted; "" for a service without."""
    return (service.backup.path or BACKUPS) if service.backup is not None else ""


def _nodes(recorded: Sequence[Seat]) -> dict[str, list[str]]:
    """By group, the nodes that have a member near their clients."""
    found: dict[str, list[str]] = {}
    for seat in recorded:
        if seat.near_clients and seat.node:
            found.setdefault(seat.group, []).append(seat.node)
    return found


def _any_agents(workloads: Sequence[Workload], site: Site) -> bool:
    seats = (member.seat for workload in workloads for member in workload.members())
    return any(seat.realm == site.namespace for seat in seats)


def _check_names(resources: Sequence[Resource]) -> None:
    counts = Counter(one.id for one in resources)
    for one in resources:
        if counts[one.id] > 1:
            raise OpsError(
                "kubernetes/name-taken",
                f"two services would both have the {one.id.kind} {one.id.name}",
                where=f"namespace {one.id.where}",
                hint=f"rename the service {one.service}, or the route of that name",
                exit=Exit.INPUT,
            )
