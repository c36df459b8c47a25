"""The Lease that is the lock of a namespace: what becomes of one that ran out."""

from __future__ import annotations

from typing import Any, cast

import pytest

from cluster_edge import Edge, Reply, Request, refused
from opsctl.errors import OpsError
from opsctl.model import Kubernetes
from opsctl.ports import OUT_OF_REACH
from opsctl.targets.kubernetes import api
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.clock import Clock
from opsctl.targets.kubernetes.locking import Lock
from opsctl.targets.kubernetes.site import Site

SITE = Site("prod", "shop", "shop", Kubernetes())


class OneLease:
    """An API server that keeps a Lease, and its clock."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.time = 1_800_000_000.0

    def patient(self, seconds: float) -> OneLease:
        return self

    def get(self, path: str) -> dict[str, Any] | None:
        return self.lease

    def create(self, path: str, made: dict[str, Any]) -> None:
        self.replace(path, made)

    def replace(self, path: str, made: dict[str, Any]) -> None:
        made["metadata"]["resourceVersion"] = "1"
        self.lease = made

    def now(self) -> float:
        return self.time


def test_a_lock_that_ran_out_is_lost_though_nobody_took_it() -> None:
    server = OneLease()
    lock = Lock(cast("Api", server), SITE, cast("Clock", server))
    fence = lock.acquire("ann", 60)
    server.time += 59
    lock.renew(fence, 60)
    lock.check(fence)
    server.time += 61  # whoever makes a plan now sees that nobody has it
    with pytest.raises(OpsError, match="the lock ran out") as refused:
        lock.check(fence)
    assert refused.value.code == "kubernetes/fenced"
    with pytest.raises(OpsError, match="not renewed in time and ran out") as lost:
        lock.renew(fence, 60)
    assert lost.value.code == "lock/lost"
    lock.release(fence)
    assert lock.acquire("bob", 60).token == fence.token + 1


def test_who_has_the_lock_now_is_told_to_who_had_it() -> None:
    server = OneLease()
    lock = Lock(cast("Api", server), SITE, cast("Clock", server))
    fence = lock.acquire("ann", 60)
    server.time += 61
    lock.acquire("bob", 60)
    with pytest.raises(OpsError, match="bob has it now"):
        lock.renew(fence, 60)
    with pytest.raises(OpsError, match="another caller has the lock now"):
        lock.check(fence)


def test_two_never_hold_it_though_its_lease_was_removed_and_tokens_begin_again() -> None:
    server = OneLease()
    lock = Lock(cast("Api", server), SITE, cast("Clock", server))
    fence = lock.acquire("ann", 60)
    server.lease = None  # kubectl delete lease, or the whole namespace
    other = lock.acquire("bob", 60)
    assert other.token == fence.token
    with pytest.raises(OpsError, match="another caller has the lock now"):
        lock.check(fence)
    with pytest.raises(OpsError, match="bob has it now"):
        lock.renew(fence, 60)
    lock.release(fence)
    lock.check(other)


@pytest.mark.parametrize("code", [500, 503])
def test_a_server_that_is_away_for_a_moment_costs_nobody_the_lock(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PAUSE", 0.0)
    server, away = OneLease(), [0]

    def reply(request: Request) -> Reply:
        if away[0]:
            away[0] -= 1
            return refused(code, "etcdserver: leader changed")
        if request.body is not None:
            server.replace(request.path, request.body)
        return (200, server.lease) if server.lease else refused(404, "none", "NotFound")

    lock = Lock(Edge(reply).api(), SITE, cast("Clock", server))
    fence = lock.acquire("ann", 60)
    away[0] = 2
    lock.check(fence)  # in the middle of work: it waits, as whatever is written next would
    away[0] = 1
    with pytest.raises(OpsError) as passing:  # it is asked again by its keeper
        lock.renew(fence, 60)
    assert passing.value.code == OUT_OF_REACH
    lock.renew(fence, 60)
