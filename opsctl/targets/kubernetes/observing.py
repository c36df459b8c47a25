"""One look at a namespace: a few lists side by side, and no question per object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from opsctl.errors import Exit, OpsError
from opsctl.planning.observation import Node, Observation, Problem
from opsctl.planning.resource import Actual, Resource, ResourceId
from opsctl.ports import Asked, Secrets
from opsctl.targets.kubernetes import wire
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.certificates import certificates
from opsctl.targets.kubernetes.checking import Facts, problems
from opsctl.targets.kubernetes.clock import Clock
from opsctl.targets.kubernetes.connection import POOL
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.live import ENVIRONMENT, Live, Name, gathered, named
from opsctl.targets.kubernetes.locking import NAME, holder, turn
from opsctl.targets.kubernetes.questions import answered, questions
from opsctl.targets.kubernetes.rbac import APPLY, MONITORING, Rule, review
from opsctl.targets.kubernetes.reading import Reader
from opsctl.targets.kubernetes.rehearsing import rehearsed
from opsctl.targets.kubernetes.site import Manifest, Running, Site
from opsctl.targets.kubernetes.stamping import PARENT
from opsctl.targets.unfinished import newest, unfinished
from opsctl.workload import Answer, Workload

LISTED: Final = (
    "Service", "ConfigMap", "Secret", "StatefulSet", "DaemonSet", "NetworkPolicy",
    "PodDisruptionBudget", "CronJob", "PersistentVolumeClaim", "Pod",
)  # fmt: skip

# What lets those who collect metrics ask where members are.
FINDING: Final = ("ServiceAccount", "Role", "RoleBinding")

# What runs in these pods is asked.
Ask = Callable[[Sequence[Manifest], Sequence[Asked]], Mapping[tuple[str, str], tuple[Answer, ...]]]


@dataclass(frozen=True, slots=True)
class Looking:
    """`force`: what others have set is taken over."""

    api: Api
    site: Site
    clock: Clock
    secrets: Secrets
    environment_id: str
    ask: Ask
    force: bool = False

    def look(self, resources: Sequence[Resource], workloads: Sequence[Workload]) -> Observation:
        """Raises only what is wrong with the input; a server that is away is in `unreachable`."""
        try:
            with ThreadPoolExecutor(POOL) as pool:
                return self._look(pool, resources, workloads)
        except OpsError as error:
            if error.exit is Exit.INPUT:
                raise
            return Observation(unreachable={self.site.where: error})

    def _look(
        self,
        pool: ThreadPoolExecutor,
        resources: Sequence[Resource],
        workloads: Sequence[Workload],
    ) -> Observation:
        now = pool.submit(self.clock.now)
        asked = self._facts(pool, resources)
        objects = self._listed(pool)
        live = gathered(objects, self._taken(pool, resources, objects))
        reader = Reader(self.site, live, self.secrets.key, self.force)
        actual = {one.id: reader.actual(one) for one in resources}
        facts = _gathered_facts(asked)
        found = self._noted(live, facts, now.result())
        standings, things = self._answers(live, workloads)
        return Observation(
            actual=actual,
            owned=tuple(reader.owned(frozenset(one.id for one in resources))),
            seats=reader.seats(),
            standings=standings,
            objects=things,
            certificates=certificates(self.site, live, workloads, self.secrets),
            nodes={self.site.where: Node(self.site.where, facts.version_words)},
            problems=(
                *problems(self.site, facts, resources, actual, live, self.environment_id),
                *self._rehearsed(pool, resources, actual),
            ),
            **found,
        )

    def _facts(
        self, pool: ThreadPoolExecutor, resources: Sequence[Resource]
    ) -> dict[str, Future[Any]]:
        api, space = self.api, self.site.namespace
        asked: dict[str, Callable[[], Any]] = {
            "namespace": lambda: api.get(KINDS["Namespace"].path("", space)),
            "lease": lambda: api.get(KINDS["Lease"].path(space, NAME)),
            "parent": lambda: api.get(KINDS["ConfigMap"].path(space, PARENT)),
            "version": lambda: api.get("/version"),
            "lacking": lambda: review(api, _rights(resources)),
            "quotas": lambda: api.list(f"/api/v1/namespaces/{space}/resourcequotas"),
        }
        if any(one.id.kind == "StatefulSet" for one in resources):
            asked["classes"] = lambda: api.list(KINDS["StorageClass"].path(""))
        return {name: pool.submit(ask) for name, ask in asked.items()}

    def _listed(self, pool: ThreadPoolExecutor) -> dict[Name, Manifest]:
        selector = f"{ENVIRONMENT}={self.site.environment}"

        def ask(kind: str) -> dict[Name, Manifest]:
            path = KINDS[kind].path(self.site.namespace)
            try:
                return named(kind, self.api.list(path, selector))
            except OpsError as error:
                if kind in FINDING and error.code == "kubernetes/forbidden":
                    return {}  # who may not give accounts away has none there
                raise

        found: dict[Name, Manifest] = {}
        for mine in pool.map(ask, (*LISTED, *FINDING)):
            found |= mine
        return found

    def _taken(
        self,
        pool: ThreadPoolExecutor,
        resources: Sequence[Resource],
        objects: Mapping[Name, Manifest],
    ) -> dict[Name, Manifest]:
        """Objects of names that we want and that are not ours; metadata alone is read."""
        wanted = {
            (one.id.kind, one.id.name)
            for one in resources
            if not isinstance(one.payload, Running) and (one.id.kind, one.id.name) not in objects
        }
        return taken(self.api, self.site.namespace, wanted, pool)

    def _noted(self, live: Live, facts: Facts, now: float) -> dict[str, Any]:
        """What opsctl itself wrote down in the namespace."""
        records = wire.records(wire.noted(live, wire.JOURNAL))
        revisions = {
            wire.revision_of(one): document
            for one in wire.noted(live, wire.REVISION)
            if (document := wire.document_in(one)) is not None
        }
        begun = [record.revision for record in records]
        return {
            "holder": holder(facts.lease, now) if facts.lease else None,
            "turns": {self.site.target: turn(facts.lease, now)},
            "unfinished": unfinished(records),
            "noted": newest(records),
            "revision": max((*revisions, *begun), default=0),
            "documents": revisions,
            "maintenance": wire.maintained(wire.noted(live, wire.MAINTENANCE), now),
            "generations": wire.generations(records),
        }

    def _answers(self, live: Live, workloads: Sequence[Workload]) -> tuple[Any, Any]:
        asked = questions(live, workloads)
        pods = [thing for (kind, _), thing in live.objects.items() if kind == "Pod"]
        return answered(asked, self.ask(pods, [one.asked for one in asked]))

    def _rehearsed(
        self,
        pool: ThreadPoolExecutor,
        resources: Sequence[Resource],
        actual: Mapping[ResourceId, Actual],
    ) -> Iterator[Problem]:
        """What the API server would refuse, of what is there and differs."""
        return rehearsed(self.api, self.site, pool, resources, actual, force=self.force)


def joined(found: Observation, further: Observation | None) -> Observation:
    """One look at two namespaces. What opsctl itself wrote down is in the first alone."""
    if further is None:
        return found
    return replace(
        found,
        actual={**found.actual, **further.actual},
        owned=(*found.owned, *further.owned),
        seats={**found.seats, **further.seats},
        standings={**found.standings, **further.standings},
        objects={**found.objects, **further.objects},
        certificates={**found.certificates, **further.certificates},
        unreachable={**found.unreachable, **further.unreachable},
        problems=(*found.problems, *further.problems),
    )


def taken(
    api: Api, namespace: str, wanted: set[Name], pool: ThreadPoolExecutor
) -> dict[Name, Manifest]:
    """Which of these names are taken in the namespace, by anybody: a list for each kind."""
    kinds = sorted({kind for kind, _ in wanted})

    def ask(kind: str) -> dict[Name, Manifest]:
        return named(kind, api.list(KINDS[kind].path(namespace), bare=True))

    found: dict[Name, Manifest] = {}
    for mine in pool.map(ask, kinds):
        found |= {name: thing for name, thing in mine.items() if name in wanted}
    return found


def _rights(resources: Sequence[Resource]) -> tuple[Rule, ...]:
    """What who applies these must be allowed to do."""
    finding = any(one.id.kind in FINDING for one in resources)
    return (*APPLY, *MONITORING) if finding else APPLY


def _gathered_facts(asked: Mapping[str, Future[Any]]) -> Facts:
    """What may be known; who may not read a fact goes without it."""
    found: dict[str, Any] = {}
    for name, future in asked.items():
        try:
            found[name] = future.result()
        except OpsError as error:
            if error.code != "kubernetes/forbidden":
                raise
    return Facts(**found)
