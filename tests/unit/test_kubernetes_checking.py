"""What stands in the way, told before an apply: claims, and what nobody may change."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from test_kubernetes_manifests import realise, target

from cluster_edge import Edge, refused
from opsctl.planning.observation import Problem
from opsctl.planning.resource import Actual
from opsctl.targets.kubernetes.checking import Facts, problems
from opsctl.targets.kubernetes.live import Live
from opsctl.targets.kubernetes.refusals import refusal
from opsctl.targets.kubernetes.rehearsing import rehearsed


def told(**storage: dict[str, Any]) -> tuple[Problem, ...]:
    """Of members whose claims want 2Gi, where these have that."""
    place, resources = target(), tuple(realise().values())
    claims = {
        ("PersistentVolumeClaim", f"data-{name.replace('_', '-')}-0"): one
        for name, one in storage.items()
    }
    there = {one.id: Actual(one.id, {}) for one in resources}
    return problems(place._site, Facts(), resources, there, Live(claims), "id")


def claim(wanted: str) -> dict[str, Any]:
    return {"spec": {"resources": {"requests": {"storage": wanted}}}}


def test_a_claim_that_is_smaller_than_the_spec_has_it_is_told_with_the_way_to_grow_it() -> None:
    (found,) = told(sessions_0=claim("1Gi"), sessions_1=claim("2048Mi"), sessions_2=claim("3Gi"))
    assert (found.error.code, found.severity) == ("kubernetes/claim-size", "warning")
    assert found.error.message == "the claim data-sessions-0-0 asks for 1Gi, the spec for 2Gi"
    assert "kubectl -n shop patch pvc data-sessions-0-0" in found.error.hint


@pytest.mark.parametrize(
    ("kind", "way"),
    [("StatefulSet", "delete statefulset sessions-0 --cascade=orphan"), ("Service", "destroy")],
)
def test_a_pod_outlives_what_keeps_it_where_that_can_not_be_changed(kind: str, way: str) -> None:
    message = "updates to statefulset spec for fields other than 'replicas', ... are forbidden"
    causes = [{"reason": "FieldValueForbidden", "message": message, "field": "spec"}]
    said = {
        "kind": "Status",
        "message": f'{kind} "sessions-0" is invalid: spec: Forbidden: {message}',
        "reason": "Invalid",
        "details": {"name": "sessions-0", "kind": kind, "causes": causes},
    }
    error = refusal(422, json.dumps(said).encode(), "prod/shop: statefulsets sessions-0")
    assert error.code == "kubernetes/immutable"
    assert way in error.hint


RESIZED = (
    'persistentvolumeclaims "backup-sessions-0" is forbidden: only dynamically provisioned pvc can '
    "be resized and the storageclass that provisions the pvc must support resize"
)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (RESIZED, "kubernetes/not-admitted"),
        ('User "ann" cannot patch resource "services" in API group ""', ""),
        ('forbidden: User "ann" cannot get path "/version"', ""),
        ('roles "x" is forbidden: user "ann" is attempting to grant RBAC permissions', ""),
    ],
)
def test_a_plan_tells_what_admission_refuses_and_not_what_its_reader_may_not(
    message: str, code: str
) -> None:
    resources = tuple(realise().values())
    there = {one.id: Actual(one.id, {}) for one in resources}
    edge = Edge(lambda _request: refused(403, message, "Forbidden"))
    site = target()._site
    with ThreadPoolExecutor(1) as pool:
        found = list(rehearsed(edge.api(), site, pool, resources[:1], there, force=False))
    assert [one.error.code for one in found] == ([code] if code else [])
