"""Changes: objects are sent side by side, what others need first; then pods run as they should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from opsctl.errors import Exit, OpsError, OpsErrors
from opsctl.planning.resource import Impact, Resource, ResourceId
from opsctl.ports import Event, Events, Fence, Outcome, Secrets, Work
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.connection import POOL
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.live import ENVIRONMENT, Name, annotated, labels
from opsctl.targets.kubernetes.locking import Lock
from opsctl.targets.kubernetes.namespace import ensure
from opsctl.targets.kubernetes.observing import taken
from opsctl.targets.kubernetes.puts import telling
from opsctl.targets.kubernetes.resources import POD
from opsctl.targets.kubernetes.site import STARTED_WITH, Manifest, Payload, Put, Running, Site
from opsctl.targets.kubernetes.stamping import (
    MARK,
    filled,
    parent,
    payload_of,
    stamped,
    started_marks,
)
from opsctl.targets.kubernetes.starting import Starting, Wanted

PODS: Final = 300.0  # seconds that pods may take to run: images may have to be fetched first

# What goes first; each row's objects may go together.
_REMOVAL: Final = (
    ("CronJob", "StatefulSet", "DaemonSet"),
    (
        "PodDisruptionBudget", "NetworkPolicy", "Service", "ConfigMap", "Secret", "RoleBinding",
        "Role", "ServiceAccount",
    ),
    ("PersistentVolumeClaim",),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Applying:
    """Does the work of one wave in one namespace."""

    api: Api
    site: Site
    secrets: Secrets
    lock: Lock
    environment_id: str
    force: bool = False
    patience: float = PODS

    def run(self, work: Sequence[Work], fence: Fence, events: Events) -> dict[str, Outcome]:
        """The outcome of the one place there is. Raises secrets/unknown before anything is
        changed."""
        where, step = self.site.where, work[0].step
        write = tuple(
            {one.id: one for each in work for one in (*each.write, *each.restart)}.values()
        )
        restart = frozenset(one.id for each in work for one in each.restart)
        remove = tuple(dict.fromkeys(name for each in work for name in each.remove))
        manifests = {one.id: self._whole(one) for one in write}
        changed: list[ResourceId] = []
        events(Event(where, "converging", "begin", step))
        error: OpsError | None = None
        try:
            with ThreadPoolExecutor(POOL) as pool:
                self._prepare(fence)
                found = taken(self.api, self.site.namespace, _names(write, remove), pool)
                self._write(pool, write, manifests, found, changed)
                self._start(write, restart, fence, events, step, changed)
                self._remove(pool, remove, found, fence, events, step, changed)
        except OpsError as failed:
            error = failed
            if changed and error.exit is Exit.FAILED:
                error.exit = Exit.PARTLY
        outcome = Outcome(where, tuple(dict.fromkeys(changed)), error)
        events(_told(outcome, step))
        return {where: outcome}

    def _whole(self, resource: Resource) -> Manifest:
        if isinstance(resource.payload, Running):
            return {}
        manifest = stamped(resource, self.site.namespace)
        return filled(manifest, payload_of(resource), self.site, self.secrets)

    def _prepare(self, fence: Fence) -> None:
        self.lock.check(fence)
        ensure(self.api, self.site)
        self.api.apply(parent(self.site, self.environment_id), force=self.force)

    def _write(
        self,
        pool: ThreadPoolExecutor,
        write: Sequence[Resource],
        manifests: Mapping[ResourceId, Manifest],
        found: Mapping[Name, Manifest],
        changed: list[ResourceId],
    ) -> None:
        for level in levels(write):
            sent = [one for one in level if manifests[one.id]]
            errors: list[OpsError] = []
            for one, ended in zip(
                sent,
                pool.map(lambda one: self._send(one, manifests[one.id], found), sent),
                strict=True,
            ):
                if isinstance(ended, OpsError):
                    errors.append(ended)
                elif ended:
                    changed.append(one.id)
            _raise(errors)

    def _send(
        self, resource: Resource, manifest: Manifest, found: Mapping[Name, Manifest]
    ) -> bool | OpsError:
        """Whether it was changed."""
        before = found.get((resource.id.kind, resource.id.name))
        try:
            if before is not None and labels(before).get(ENVIRONMENT) != self.site.environment:
                raise _foreign(resource.id)
            after = self.api.apply(manifest, force=self.force)
        except OpsError as error:
            return error
        version = after["metadata"].get("resourceVersion")
        return before is None or before["metadata"].get("resourceVersion") != version

    def _start(
        self,
        write: Sequence[Resource],
        restart: frozenset[ResourceId],
        fence: Fence,
        events: Events,
        step: str,
        changed: list[ResourceId],
    ) -> None:
        keeping = [one for one in write if _keeps_pods(one)]
        if not keeping:
            return
        starting = Starting(
            self.api, self.site, events, lambda: self.lock.check(fence), self.patience
        )
        before = starting.pods()
        wanted = [self._wanted(one, one.id in restart, before) for one in keeping]
        starting.run(wanted, step)
        after = starting.pods()
        for resource, one in zip(keeping, wanted, strict=True):
            key = (one.kind, one.keeper, one.node)
            pod = after.get(key)
            if pod is None:
                continue  # it went again at once: the gates will say so
            replaced = before.get(key, {}).get("metadata", {}).get("uid") != pod["metadata"]["uid"]
            if replaced or self._take_in(resource, pod, fence, events, step):
                changed.append(resource.id)

    def _wanted(
        self, resource: Resource, again: bool, pods: Mapping[tuple[str, str, str], Manifest]
    ) -> Wanted:
        """Marks that cost a restart must be those that a pod was started with."""
        payload = resource.payload
        if isinstance(payload, Running):
            kind, name, node = "DaemonSet", payload.daemon_set, payload.node
            started = str(resource.desired.get(POD) or "")
        else:
            kind, name, node = resource.id.kind, resource.id.name, ""
            template = payload_of(resource).manifest["spec"]["template"]
            started = annotated(template).get(STARTED_WITH, "")
        marks = tuple(
            (key, value)
            for key, value in started_marks(resource).items()
            if resource.impact.get(key.removeprefix(MARK), Impact.NONE) >= Impact.RESTART
        )
        pod = pods.get((kind, name, node))
        uid = str(pod["metadata"]["uid"]) if again and pod is not None else ""
        return Wanted(kind, name, node, resource.member or name, started, marks, uid)

    def _take_in(
        self, resource: Resource, pod: Manifest, fence: Fence, events: Events, step: str
    ) -> bool:
        """Gives a running pod the files that it takes in without a restart; whether it had to."""
        said = annotated(pod)
        marks = started_marks(resource)
        late = {key: value for key, value in marks.items() if said.get(key, value) != value}
        if not late:
            return False
        self.lock.check(fence)  # pods may have been waited for since it was seen last
        name = pod["metadata"]["name"]
        for told in telling(self.site, _puts(resource), self.secrets) or ():
            answer = self.api.exec(name, told.component, told.argv, told.stdin, told.timeout)
            if answer.exit != 0:
                raise OpsError(
                    "kubernetes/not-taken-in",
                    f"{resource.member} did not take in its new files: "
                    f"{answer.stderr.strip() or answer.stdout.strip() or 'without a reason'}",
                    where=self.site.where,
                    hint="it goes on with those that it has; opsctl logs "
                    f"{resource.service}/{resource.member}",
                )
        patch: Manifest = {"metadata": {"annotations": late}}
        self.api.merge(KINDS["Pod"].path(self.site.namespace, name), patch)
        events(Event(self.site.where, f"{resource.member} took its files in", "progress", step))
        return True

    def _remove(
        self,
        pool: ThreadPoolExecutor,
        remove: Sequence[ResourceId],
        found: Mapping[Name, Manifest],
        fence: Fence,
        events: Events,
        step: str,
        changed: list[ResourceId],
    ) -> None:
        for row in _REMOVAL:
            mine = [one for one in remove if one.kind in row and (one.kind, one.name) in found]
            if not mine:
                continue
            self.lock.check(fence)
            errors = [one for one in pool.map(lambda one: self._drop(one, found), mine) if one]
            changed += [one for one in mine if not errors]
            _raise(errors)
            keepers = [
                (one.kind, one.name) for one in mine if one.kind in ("StatefulSet", "DaemonSet")
            ]
            if keepers:
                self._end_pods(keepers, events, step)

    def _drop(self, name: ResourceId, found: Mapping[Name, Manifest]) -> OpsError | None:
        before = found[name.kind, name.name]
        try:
            if labels(before).get(ENVIRONMENT) != self.site.environment:
                raise _foreign(name)
            path = KINDS[name.kind].path(self.site.namespace, name.name)
            self.api.delete(path, uid=before["metadata"]["uid"])
        except OpsError as error:
            return error
        return None

    def _end_pods(self, keepers: list[tuple[str, str]], events: Events, step: str) -> None:
        """The cluster would end them too, at a time of its own."""
        starting = Starting(self.api, self.site, events, lambda: None, self.patience)
        for (kind, name, _), pod in starting.pods().items():
            if (kind, name) in keepers:
                path = KINDS["Pod"].path(self.site.namespace, pod["metadata"]["name"])
                self.api.delete(path, uid=pod["metadata"]["uid"])
        starting.gone(keepers, step)


def levels(resources: Sequence[Resource]) -> Iterator[list[Resource]]:
    """What needs nothing of the rest first, then what needs only those, and so on."""
    left = {one.id: one for one in resources}
    while left:
        free = [one for one in left.values() if not set(one.needs) & (set(left) - {one.id})]
        free = free or list(left.values())  # a circle: together
        yield free
        for one in free:
            del left[one.id]


def _names(write: Sequence[Resource], remove: Sequence[ResourceId]) -> set[Name]:
    sent = {(one.id.kind, one.id.name) for one in write if not isinstance(one.payload, Running)}
    return sent | {(one.kind, one.name) for one in remove if one.kind != "Pod"}


def _keeps_pods(resource: Resource) -> bool:
    return isinstance(resource.payload, Running) or resource.id.kind == "StatefulSet"


def _puts(resource: Resource) -> tuple[Put, ...]:
    assert isinstance(resource.payload, Running | Payload)
    return resource.payload.puts


def _foreign(name: ResourceId) -> OpsError:
    return OpsError(
        "kubernetes/foreign",
        f"the {name.kind} {name.name} is there and is not opsctl's; it is left as it is",
        where=name.where,
        hint="rename the service, or remove that object yourself",
        exit=Exit.REFUSED,
    )


def _raise(errors: Sequence[OpsError]) -> None:
    """One as it is; of many alike the first five."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise OpsErrors(tuple(errors[:5]))


def _told(outcome: Outcome, step: str) -> Event:
    if outcome.error:
        return Event(outcome.where, outcome.error.message, "failed", step)
    count = len(outcome.changed)
    return Event(outcome.where, f"{count} changed" if count else "nothing to change", "done", step)
