"""Pods that are replaced: how long one may end, and when it won't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, cast

import pytest

from opsctl.errors import OpsError
from opsctl.model import Kubernetes
from opsctl.ports import Event
from opsctl.targets.kubernetes import starting
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.site import STARTED_WITH, Site
from opsctl.targets.kubernetes.starting import Starting, Wanted

SITE = Site("prod", "shop", "shop", Kubernetes())
NEW = Wanted("StatefulSet", "sessions-0", "", "sessions-0", "new")


@dataclass
class Cluster:
    """One member's pod, and the time. `ends`: seconds that a pod takes to end; `makes`: what the
    next one is started with. Stands for the clock of the module as well."""

    ends: float
    grace: int = 180
    makes: str = "new"
    now: float = 0.0
    uid: int = 1
    started: str = "old"
    leaves: float = inf  # when the pod is gone
    checked: int = 0
    told: list[str] = field(default_factory=list)

    def list(self, path: str, selector: str = "", fields: str = "") -> tuple[Any, ...]:
        if path.endswith("/events"):
            return ()
        if self.now >= self.leaves:
            self.uid, self.started, self.leaves = self.uid + 1, self.makes, inf
        return (self._pod(),)

    def delete(self, path: str, *, uid: str) -> bool:
        assert uid == str(self.uid)
        self.leaves = self.now + self.ends
        return True

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def check(self) -> None:
        self.checked += 1

    def hear(self, event: Event) -> None:
        self.told.append(event.words)

    def _pod(self) -> Mapping[str, Any]:
        owner = {"kind": "StatefulSet", "name": "sessions-0", "controller": True}
        metadata = {
            "name": "sessions-0-0",
            "uid": str(self.uid),
            "ownerReferences": [owner],
            "annotations": {STARTED_WITH: self.started},
        }
        if self.leaves < inf:
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        running = {"name": "redis", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
        return {
            "metadata": metadata,
            "spec": {
                "nodeName": "n1",
                "terminationGracePeriodSeconds": self.grace,
                "containers": [{"name": "redis"}],
            },
            "status": {"phase": "Running", "containerStatuses": [running]},
        }


def run(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, patience: float = 300.0) -> None:
    monkeypatch.setattr(starting, "time", cluster)
    waiting = Starting(cast("Api", cluster), SITE, cluster.hear, cluster.check, patience)
    monkeypatch.setattr(waiting, "_pause", cluster)
    waiting.run([NEW], "roll")


@pytest.mark.parametrize(("ends", "grace"), [(5, 30), (120, 180), (390, 400)])
def test_a_server_has_all_of_its_grace_to_end(
    ends: int, grace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster(ends, grace)
    run(cluster, monkeypatch)
    assert cluster.uid == 2
    assert ends <= cluster.now < ends + 2
    assert cluster.told[-1] == "waiting for sessions-0: the pod before it is still ending on n1"


def test_one_that_does_not_end_with_its_node_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(inf)
    cluster.leaves = 1e9  # told to end long ago, by somebody else
    with pytest.raises(OpsError, match="still ending on n1") as stuck:
        run(cluster, monkeypatch)
    assert stuck.value.code == "kubernetes/pod"
    assert "kubectl delete node n1" in stuck.value.hint
    assert 180 < cluster.now < 300


def test_one_that_comes_as_it_was_again_and_again_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = Cluster(10, makes="old")
    with pytest.raises(OpsError, match="sessions-0 does not run"):
        run(cluster, monkeypatch)
    assert cluster.now < 600
