"""Plan, apply and drift against a real API server. Pods and their status are faked where a cluster
would make them: see fake_controllers.py."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from api_server import ApiServer
from api_world import Known, World

from opsctl.flow.destroying import destroy_plan
from opsctl.planning.desired import Scope
from opsctl.planning.resource import Impact
from opsctl.ports import Work
from opsctl.targets.kubernetes import render_manifests
from opsctl.targets.kubernetes.live import ENVIRONMENT
from opsctl.targets.kubernetes.stamping import filled, payload_of

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

DEFAULT_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "test-default",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": "example.test/none",
}


@pytest.fixture
def world(api_server: ApiServer, namespace: str, tmp_path: Path) -> World:
    made = World(api_server, namespace, tmp_path)
    if not made.api.get("/apis/storage.k8s.io/v1/storageclasses/test-default"):
        made.api.create("/apis/storage.k8s.io/v1/storageclasses", DEFAULT_CLASS)
    return made


def test_everything_is_created_and_then_nothing_is_to_do(world: World) -> None:
    plan, _ = world.plan()
    assert {change.verb for change in plan.changes} == {"create"}
    outcome = world.apply()
    assert outcome.error is None
    assert set(outcome.changed) == {change.id for change in plan.changes}
    again, seen = world.plan()
    assert again.empty, [(one.id, one.fields, one.diff) for one in again.changes]
    assert not again.blocked
    assert [seat.member for seat in seen.observation.seats["sessions"]] == ["sessions-0"]


def test_a_second_apply_of_the_same_changes_no_object(world: World) -> None:
    world.apply()
    _, seen = world.plan()
    place = f"k/{world.namespace}"
    outcome = world.do(Work(place, write=seen.desired.resources))
    assert outcome.error is None
    assert outcome.changed == ()


def test_objects_bear_the_marks_of_an_apply_set(world: World) -> None:
    world.apply()
    parent = world.api.get(world.path("ConfigMap", "opsctl"))
    assert parent is not None
    set_id = parent["metadata"]["labels"]["applyset.kubernetes.io/id"]
    found = world.api.list(world.path("Service"), f"applyset.kubernetes.io/part-of={set_id}")
    assert {one["metadata"]["name"] for one in found} == {"sessions-0", "sessions-redis"} or found


def test_a_foreign_change_shows_who_and_when_and_is_only_taken_over_by_force(world: World) -> None:
    world.apply()
    patch = '{"spec": {"minReadySeconds": 7, "revisionHistoryLimit": 9}}'
    world.server.kubectl(
        "-n", world.namespace, "patch", "statefulset", "sessions-0", "--type=merge",
        "--field-manager=somebody", "-p", patch,
    )  # fmt: skip
    plan, _ = world.plan()
    (change,) = plan.changes
    assert change.id.kind == "StatefulSet"
    shown = "\n".join(change.diff)
    assert "spec.revisionHistoryLimit: changed by somebody (20" in shown
    assert "minReadySeconds" not in shown  # a field that we do not speak of is theirs
    assert any("somebody" in words and "--force-conflicts" in words for words in plan.blocked)
    refused = world.apply()
    assert refused.error is not None
    assert refused.error.code == "kubernetes/conflict"
    assert "somebody has set .spec.revisionHistoryLimit" in refused.error.message
    forced = replace(world, force=True)
    assert not forced.plan()[0].blocked
    assert forced.apply().error is None
    assert world.plan()[0].empty


def test_rendered_manifests_applied_by_hand_want_only_the_marks_of_ownership(
    world: World, tmp_path: Path
) -> None:
    _, seen = world.plan()
    folder = tmp_path / "manifests"
    render_manifests(seen.desired.resources, folder)
    by_hand = ("-n", world.namespace)
    world.server.kubectl(*by_hand, "apply", "--server-side", "-k", str(folder))
    for secret in (one for one in seen.desired.resources if one.id.kind == "Secret"):
        manifest = filled(
            payload_of(secret).manifest, payload_of(secret), world.target.reach.site, world.secrets
        )
        values = tmp_path / secret.id.name
        values.mkdir()
        for key, value in manifest["data"].items():
            (values / key).write_bytes(base64.b64decode(value))
        make = ("create", "secret", "generic", secret.id.name, f"--from-file={values}")
        world.server.kubectl(*by_hand, *make)
        world.server.kubectl(*by_hand, "label", "secret", secret.id.name, f"{ENVIRONMENT}=shop")
    plan, _ = world.plan()
    assert not plan.blocked
    assert {change.impact for change in plan.changes} == {Impact.NONE}
    assert {one.name for change in plan.changes for one in change.fields} == {"manifest"}
    for change in plan.changes:
        if change.id.kind != "Secret":  # whose other labels nobody gave it
            said = [line for line in change.diff if line.startswith(("+", "-"))]
            assert said == ["-# without the labels of opsctl's ownership"], change.diff
    assert world.apply().error is None
    assert world.plan()[0].empty


def test_what_we_no_longer_want_in_an_object_goes(world: World) -> None:
    world.apply()
    live = world.api.get(world.path("ConfigMap", "sessions-0"))
    assert live is not None
    meta = {key: live["metadata"][key] for key in ("name", "namespace", "labels")}
    kept = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    world.api.apply({**kept, "data": {**live["data"], "left-over": "x"}})
    plan, _ = world.plan()
    assert {change.id.name for change in plan.changes} == {"sessions-0"}
    world.apply()
    found = world.api.get(world.path("ConfigMap", "sessions-0"))
    assert found is not None
    assert "left-over" not in found["data"]
    assert world.plan()[0].empty


def test_an_object_of_our_name_that_is_not_ours_is_refused_and_left(world: World) -> None:
    world.server.kubectl("-n", world.namespace, "create", "configmap", "sessions-0")
    plan, _ = world.plan()
    assert any("is not opsctl's" in words for words in plan.blocked)
    outcome = world.apply()
    assert outcome.error is not None
    assert outcome.error.code == "kubernetes/foreign"
    found = world.api.get(world.path("ConfigMap", "sessions-0"))
    assert found is not None
    assert "data" not in found


def test_a_changed_start_file_replaces_the_pod_once(world: World) -> None:
    world.apply()
    before = world.api.get(world.path("Pod", "sessions-0-0"))
    again = replace(world, memory="96MiB")
    plan, _ = again.plan()
    assert not plan.empty
    assert again.apply().error is None
    after = world.api.get(world.path("Pod", "sessions-0-0"))
    assert before is not None
    assert after is not None
    assert (before["metadata"]["uid"] == after["metadata"]["uid"]) == (plan.impact.name == "NONE")
    assert again.plan()[0].empty


def test_a_rotated_secret_restarts_the_pod_that_started_with_the_old_one(world: World) -> None:
    world.apply()
    before = world.api.get(world.path("Pod", "sessions-0-0"))
    names = {ref.name for _, seen in [world.plan()] for _, w in seen.present.values()
             for ref in w.secrets()}  # fmt: skip
    rotated = replace(world, secrets=Known(generations=dict.fromkeys(names, 2)))
    plan, _ = rotated.plan()
    assert {change.id.kind for change in plan.changes} >= {"Secret"}
    assert not any("-2" in line for change in plan.changes for line in change.diff)
    assert rotated.apply().error is None
    assert rotated.plan()[0].empty
    after = world.api.get(world.path("Pod", "sessions-0-0"))
    assert before is not None
    assert after is not None
    assert before["metadata"]["uid"] != after["metadata"]["uid"]


def test_an_immutable_field_is_refused_with_the_way_out(world: World) -> None:
    world.apply()
    path = world.path("StatefulSet", "sessions-0")
    found = world.api.get(path)
    assert found is not None
    world.api.delete(path)
    meta = {key: found["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    spec = {**found["spec"], "serviceName": "elsewhere"}
    world.api.apply(
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec}
    )
    plan, seen = world.plan()
    assert any("kubernetes/immutable" in str(one.error) for one in seen.observation.problems)
    assert any("statefulset sessions-0 --cascade=orphan" in words for words in plan.blocked)


def test_destroy_keeps_claims_unless_their_data_is_named(world: World) -> None:
    world.apply()
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "data-sessions-0-0",
            "labels": {
                "opsctl.dev/environment": "shop",
                "opsctl.dev/service": "sessions",
                "opsctl.dev/member": "sessions-0",
            },
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    world.api.create(world.path("PersistentVolumeClaim"), claim)
    assert world.plan()[0].left == ()
    plan, _ = destroy_plan(world.parts, (), frozenset())
    assert [one.kind for one in plan.left] == ["PersistentVolumeClaim"]
    gone = tuple(change.id for change in plan.changes if change.verb == "remove")
    assert {one.kind for one in gone} >= {"StatefulSet", "Service", "ConfigMap", "Secret"}
    outcome = world.do(Work(f"k/{world.namespace}", remove=gone))
    assert outcome.error is None
    assert world.api.get(world.path("StatefulSet", "sessions-0")) is None
    assert world.api.get(world.path("Pod", "sessions-0-0")) is None
    assert world.api.get(world.path("PersistentVolumeClaim", "data-sessions-0-0")) is not None
    plan, _ = destroy_plan(world.parts, (), frozenset({"sessions"}))
    (change,) = plan.changes
    assert change.loss == "the data of sessions-0 (1Gi)"


def test_the_namespace_is_made_restricted_and_one_that_is_there_keeps_its_labels(
    world: World,
) -> None:
    new = replace(world, namespace=f"{world.namespace}-new")
    assert new.apply().error is None
    labels = world.api.get(f"/api/v1/namespaces/{new.namespace}")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    world.apply()
    labels = world.api.get(f"/api/v1/namespaces/{world.namespace}")["metadata"]["labels"]
    assert "pod-security.kubernetes.io/enforce" not in labels


def test_a_limit_leaves_other_services_alone(world: World) -> None:
    plan, _ = world.plan(Scope(limit=("sessions/sessions-0",)))
    assert {change.member for change in plan.changes} <= {"", "sessions-0"}
