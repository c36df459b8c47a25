"""What an apply sends, whatever it has to do."""

from __future__ import annotations

from typing import Any, cast

import pytest

from cluster_edge import Edge, Reply, Request, refused
from opsctl.errors import OpsError
from opsctl.model import Kubernetes
from opsctl.planning.resource import Impact, Resource, ResourceId
from opsctl.ports import Fence, Work
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.applying import Applying
from opsctl.targets.kubernetes.locking import Lock
from opsctl.targets.kubernetes.resources import TAKEN
from opsctl.targets.kubernetes.site import Put, Running, Site
from opsctl.targets.kubernetes.stamping import MARK
from opsctl.workload import Answer, Text
from toy import Keys

SITE = Site("prod", "shop", "shop", Kubernetes())
THERE = {"metadata": {"name": "shop"}}
CLASH = {
    "reason": "FieldManagerConflict",
    "message": 'conflict with "velero-server" using v1',
    "field": ".metadata.annotations.applyset.kubernetes.io/tooling",
}
POD_OF_EDGE = {
    "metadata": {
        "name": "edge-x7f",
        "uid": "1",
        "annotations": {f"{MARK}{TAKEN}": "old"},
        "ownerReferences": [{"kind": "DaemonSet", "name": "edge", "controller": True}],
    },
    "spec": {"nodeName": "n1", "containers": [{"name": "haproxy"}]},
    "status": {"containerStatuses": [{"name": "haproxy", "state": {"running": {"startedAt": 1}}}]},
}


class Held:
    """A lock that nobody takes away."""

    def check(self, fence: Fence) -> None:
        """It is held."""


def restored(request: Request) -> Reply:
    """A namespace that came out of a backup: who restored it has set every field."""
    if request.verb != "PATCH":
        return 200, THERE
    if request.query["force"] == ["true"]:
        return 200, THERE
    return refused(409, "Apply failed with 1 conflict", "Conflict", causes=[CLASH])


@pytest.mark.parametrize("force", [False, True])
def test_the_set_s_own_parent_is_taken_over_as_all_else_is(force: bool) -> None:
    lock, api = cast("Lock", cast("Any", Held())), Edge(restored).api()
    applying = Applying(api, SITE, Keys(), lock, "id", force)
    outcome = applying.run([Work(SITE.where)], Fence(1, "ann"), lambda _event: None)
    error = outcome[SITE.where].error
    if force:
        assert error is None
    else:
        assert error is not None
        assert (error.code, "--force-conflicts" in error.hint) == ("kubernetes/conflict", True)


class Lost(Held):
    """A lock that was lost while pods were waited for."""

    def __init__(self) -> None:
        self.asked = 0

    def check(self, fence: Fence) -> None:
        self.asked += 1
        if self.asked > 1:
            raise OpsError("kubernetes/fenced", "another caller has the lock now")


def with_one_pod(request: Request) -> Reply:
    if request.verb == "GET" and request.path.endswith("/pods"):
        return 200, {"items": [POD_OF_EDGE]}
    return 200, THERE


def test_nothing_is_put_into_a_pod_once_the_lock_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def exec(_api: Api, pod: str, *_: Any) -> Answer:
        ran.append(pod)
        return Answer(0, "")

    monkeypatch.setattr(Api, "exec", exec)
    put = Put("haproxy", "/etc/opsctl/routes.cfg", "0640", Text(("new",)))
    taking = Resource(
        ResourceId("Pod", SITE.where, "edge-n1"),
        service="edge",
        member="edge-n1",
        desired={TAKEN: "new"},
        text="",
        impact={TAKEN: Impact.RELOAD},
        payload=Running("edge", "n1", (put,)),
    )
    work = Work(SITE.where, write=(taking,))
    for lock, pods in ((Held(), ["edge-x7f"]), (Lost(), [])):
        ran.clear()
        edge = Edge(with_one_pod)
        applying = Applying(edge.api(), SITE, Keys(), cast("Lock", cast("Any", lock)), "id")
        error = applying.run([work], Fence(1, "ann"), lambda _event: None)[SITE.where].error
        assert ran == pods
        assert (error.code if error else "") == ("" if pods else "kubernetes/fenced")
        patched = [one for one in edge.seen if one.verb == "PATCH" and "/pods/" in one.path]
        assert len(patched) == len(pods)
