"""Pods as they should run: replaced where they were started with something else, and awaited."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from opsctl.errors import OpsError
from opsctl.ports import Event, Events
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.delays import Delay, delay, ends_within
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.live import (
    ENVIRONMENT,
    annotated,
    keeper,
    leaving,
    named,
    started_with,
)
from opsctl.targets.kubernetes.site import Manifest, Site

Key: TypeAlias = tuple[str, str, str]  # keeper's kind and name; the pod's node, or ""

EVERY: Final = 0.5  # seconds between two looks at all pods
LOG: Final = 10  # lines of a container that ends again and again


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pod that must run. `started`: what its annotation must say, "" for anything; `marks`:
    further annotations that it must have been started with; `again`: the uid of the one that must
    go first."""

    kind: str
    keeper: str
    node: str
    member: str
    started: str
    marks: tuple[tuple[str, str], ...] = ()
    again: str = ""

    def fits(self, pod: Manifest) -> bool:
        """Whether it is one that was started as wanted. What it does not say is believed."""
        if self.again and pod["metadata"]["uid"] == self.again:
            return False
        if self.started and started_with(pod) not in ("", self.started):
            return False
        said = annotated(pod)
        return all(said.get(name, value) == value for name, value in self.marks)


class Starting:
    """Waits for pods of one namespace; `check` raises when the lock was lost, `patience` is in
    seconds."""

    def __init__(
        self, api: Api, site: Site, events: Events, check: Callable[[], None], patience: float
    ) -> None:
        self._api, self._site, self._events = api, site, events
        self._check, self._patience = check, patience
        self._pause = threading.Event()

    def pods(self) -> dict[Key, Manifest]:
        """Every pod that stays."""
        return _by_keeper(pod for pod in self._list() if not leaving(pod))

    def run(self, wanted: Sequence[Wanted], step: str) -> None:
        """Replaces pods that don't fit and waits until all run. Raises kubernetes/pod with the
        reason, as soon as it is one that does not pass."""
        began, ending = time.monotonic(), 0.0  # seconds that those before them may take besides
        since: dict[tuple[str, str], float] = {}  # of each reason
        said: dict[str, str] = {}
        open_ = list(wanted)
        while open_:
            listed = self._list()
            ending = max(ending, *(ends_within(pod) for pod in listed if leaving(pod)), 0.0)
            pods = _by_keeper(sorted(listed, key=leaving, reverse=True))  # who stays counts
            late = {one.member: self._late(one, pods.get((one.kind, one.keeper, one.node)))
                    for one in open_}  # fmt: skip
            open_ = [one for one in open_ if late[one.member] is not None]
            now = time.monotonic()
            for one in open_:
                reason = late[one.member]
                assert reason is not None
                first = since.setdefault((one.member, reason.words), now)
                if now - first >= reason.patience or now - began >= self._patience + ending:
                    raise self._stuck(one, reason, now - began)
                if said.get(one.member) != reason.words:
                    said[one.member] = reason.words
                    words = f"waiting for {one.member}: {reason.words}"
                    self._events(Event(self._site.where, words, "wait", step))
            if open_:
                self._pause.wait(EVERY)

    def gone(self, keepers: Sequence[tuple[str, str]], step: str) -> None:
        """Waits until no pod of these is left. Raises kubernetes/pod-stays."""
        began = time.monotonic()
        told = False
        while left := [pod for pod in self._list() if keeper(pod) in keepers]:
            patience = max(ends_within(pod) for pod in left)
            names = ", ".join(pod["metadata"]["name"] for pod in left)
            if time.monotonic() - began > patience:
                nodes = ", ".join(sorted({_node(pod) or "no node" for pod in left}))
                raise OpsError(
                    "kubernetes/pod-stays",
                    f"{names} has not ended within {patience:g} s on {nodes}",
                    where=self._site.where,
                    hint="if the node is gone for good: kubectl delete node NAME",
                )
            if not told:
                told = True
                self._events(Event(self._site.where, f"waiting until {names} ended", "wait", step))
            self._pause.wait(EVERY)

    def _late(self, one: Wanted, pod: Manifest | None) -> Delay | None:
        if pod is not None and not leaving(pod) and not one.fits(pod):
            self._check()
            metadata = pod["metadata"]
            path = KINDS["Pod"].path(self._site.namespace, metadata["name"])
            self._api.delete(path, uid=metadata["uid"])
            return Delay("the pod before it is ending")
        found = delay(pod)
        if found is None or (pod is not None and found.container):
            return found
        name = pod["metadata"]["name"] if pod is not None else one.keeper
        return delay(pod, self._warnings(name))

    def _warnings(self, name: str) -> list[str]:
        """What events say about a pod or its keeper, the newest last."""
        path = f"/api/v1/namespaces/{self._site.namespace}/events"
        try:
            found = self._api.list(path, fields=f"involvedObject.name={name},type=Warning")
        except OpsError as error:
            if error.code == "kubernetes/forbidden":
                return []
            raise
        several = sorted(found, key=_last)
        return [str(one.get("message", "")) for one in several]

    def _stuck(self, one: Wanted, reason: Delay, waited: float) -> OpsError:
        details: tuple[str, ...] = ()
        if reason.container:
            pod = self.pods().get((one.kind, one.keeper, one.node))
            details = self._last_words(pod, reason.container) if pod else ()
        return OpsError(
            "kubernetes/pod",
            f"{one.member} does not run after {waited:.0f} s: {reason.words}",
            where=self._site.where,
            details=details,
            hint=reason.hint,
        )

    def _last_words(self, pod: Manifest, container: str) -> tuple[str, ...]:
        name = pod["metadata"]["name"]
        for previous in (True, False):
            try:
                said = self._api.log(name, container, LOG, previous=previous).splitlines()
            except OpsError:  # no log was kept of that one: the reason stands without it
                continue
            if said:
                return tuple(said[-LOG:])
        return ()

    def _list(self) -> list[Manifest]:
        selector = f"{ENVIRONMENT}={self._site.environment}"
        found = self._api.list(KINDS["Pod"].path(self._site.namespace), selector)
        return list(named("Pod", found).values())


def _by_keeper(pods: Iterable[Manifest]) -> dict[Key, Manifest]:
    """Of two that have one key the last counts."""
    return {key: pod for pod in pods for key in ((*keeper(pod), _node(pod)), (*keeper(pod), ""))}


def _node(pod: Manifest) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def _last(event: Manifest) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")
