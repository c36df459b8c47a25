"""What an API server refuses, as opsctl tells it: a real server's own answers."""

from __future__ import annotations

import json
import selectors
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from api_server import ApiServer
from api_world import World

from opsctl.errors import Exit, OpsError
from opsctl.flow.looking import make_plan
from opsctl.planning.desired import Scope
from opsctl.targets.kubernetes import Access, KubernetesTarget
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.connection import Connection
from opsctl.targets.kubernetes.rbac import roles

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]


@pytest.fixture
def world(api_server: ApiServer, namespace: str, tmp_path: Path) -> World:
    return World(api_server, namespace, tmp_path)


def bind(world: World, name: str) -> None:
    """Gives the user `plain` the printed roles of that name, but for nodes' own namespace."""
    for role in roles(world.namespace):
        space = role["metadata"].get("namespace", world.namespace)
        if role["metadata"]["name"] != name or space != world.namespace:
            continue
        world.server.kubectl("apply", "-f", "-", text=json.dumps(role))
        binding = f"--{role['kind'].lower()}={name}"
        if role["kind"] == "Role":
            words = ("-n", world.namespace, "create", "rolebinding", name, binding)
        else:
            words = ("create", "clusterrolebinding", f"{name}-{world.namespace}", binding)
        world.server.kubectl(*words, "--user=plain")


def unbind(world: World, name: str) -> None:
    world.server.kubectl("delete", "clusterrolebinding", f"{name}-{world.namespace}")


def test_a_server_that_is_away_leaves_the_place_unobserved(world: World) -> None:
    away = world.folder / "away.kubeconfig"
    said = json.loads(world.server.kubeconfig.read_text())
    said["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    away.write_text(json.dumps(said))
    api = Api(Connection(kubeconfig=away), "k", world.namespace)
    with pytest.raises(OpsError) as refused:
        api.get("/version")
    assert refused.value.code == "kubernetes/unreachable"
    assert "refused" in refused.value.message
    assert refused.value.exit is Exit.UNOBSERVED


def test_a_context_that_is_not_there_names_those_that_are(world: World) -> None:
    connection = Connection("prod", world.server.kubeconfig)
    with pytest.raises(OpsError) as refused:
        _ = connection.host
    assert refused.value.code == "kubernetes/no-context"
    assert refused.value.hint == "it has bare"
    assert refused.value.exit is Exit.INPUT


def test_forbidden_names_verb_resource_namespace_and_the_rule(world: World) -> None:
    plain = replace(world, user="plain")
    _, seen = plain.plan()
    (error,) = seen.observation.unreachable.values()
    assert error.code == "kubernetes/forbidden"
    assert "plain may not list" in error.message
    assert f"in the namespace {world.namespace}" in error.message
    assert 'verbs: ["list"]' in error.hint


def test_the_plan_role_lets_plan_and_nothing_else(world: World) -> None:
    bind(world, "opsctl-plan")
    plain = replace(world, user="plain")
    try:
        plan, seen = plain.plan()
        assert not seen.observation.unreachable
        assert len(tuple(plan.changes)) > 0
        words = [one.error.message for one in seen.observation.problems]
        assert any("may not do all that an apply needs" in one for one in words)
        with pytest.raises(OpsError) as refused:
            plain.target.acquire("plain", 60)
        assert refused.value.code == "kubernetes/forbidden"
        assert "create leases" in refused.value.message
    finally:
        unbind(world, "opsctl-plan")


def test_the_apply_role_lets_apply(world: World) -> None:
    bind(world, "opsctl-apply")
    plain = replace(world, user="plain")
    try:
        outcome = plain.apply()
        assert outcome.error is None
        plan, seen = plain.plan()
        assert plan.empty
        codes = {one.error.code for one in seen.observation.problems}
        assert "kubernetes/rights" not in codes
    finally:
        unbind(world, "opsctl-apply")


def test_a_quota_that_is_used_up_is_said(world: World) -> None:
    quota = {
        "metadata": {"name": "small"},
        "spec": {"hard": {"count/configmaps": "1", "pods": "0"}},
    }
    path = f"/api/v1/namespaces/{world.namespace}/resourcequotas"
    world.api.create(path, {"apiVersion": "v1", "kind": "ResourceQuota", **quota})
    # A controller would write the status; none runs here.
    hard = quota["spec"]["hard"]
    status = {"hard": hard, "used": {"count/configmaps": "1", "pods": "0"}}
    world.api.merge(f"{path}/small/status", {"status": status})
    _, seen = world.plan()
    told = [one for one in seen.observation.problems if one.error.code == "kubernetes/quota"]
    assert told[0].severity == "warning"
    assert "allows pods 0, 0 is used and 1 more is needed" in told[0].error.message
    outcome = world.apply()
    assert outcome.error is not None
    assert outcome.error.code == "kubernetes/quota"
    assert "quota small is used up" in outcome.error.message


def test_a_budget_that_forbids_an_eviction_is_named_at_once(world: World) -> None:
    """429 is otherwise a server that is too busy: it is asked again for as long as it takes."""
    inside = f"/api/v1/namespaces/{world.namespace}"
    world.api.create(
        f"{inside}/serviceaccounts",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}},
    )
    metadata = {"name": "one", "labels": {"app": "one"}}
    spec = {"containers": [{"name": "main", "image": "registry.example/one"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    world.api.create(f"{inside}/pods", pod)
    # A kubelet and a controller would write these; none runs here.
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    world.api.merge(f"{inside}/pods/one/status", {"status": ready})
    budgets = f"/apis/policy/v1/namespaces/{world.namespace}/poddisruptionbudgets"
    chosen = {"minAvailable": 1, "selector": {"matchLabels": {"app": "one"}}}
    world.api.create(budgets, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                               "metadata": {"name": "keep"}, "spec": chosen})  # fmt: skip
    counted = {"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 1,
               "desiredHealthy": 1, "expectedPods": 1}  # fmt: skip
    world.api.merge(f"{budgets}/keep/status", {"status": counted})
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "one"}}
    with pytest.raises(OpsError) as refused:
        replace(world.api, patience=60).create(f"{inside}/pods/one/eviction", eviction)
    assert refused.value.code == "kubernetes/budget"
    assert "keep needs 1 healthy pods and has 1 currently" in refused.value.message


def test_a_policy_that_refuses_is_told_in_its_own_words(world: World) -> None:
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"hook-{world.namespace}"},
        "webhooks": [
            {
                "name": "refuser.example.test",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "timeoutSeconds": 1,
                "clientConfig": {"url": "https://127.0.0.1:1/refuse"},
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": world.namespace}
                },
                "rules": [
                    {
                        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                        "resources": ["services"],
                    }
                ],
            }
        ],
    }  # fmt: skip
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    world.api.create(path, hook)
    try:
        outcome = _await_refusal(world)
    finally:
        world.api.delete(f"{path}/hook-{world.namespace}")
    assert outcome.code == "kubernetes/webhook-away"
    assert "refuser.example.test does not answer" in outcome.message


def _await_refusal(world: World) -> OpsError:
    """The server learns of a new webhook a moment after it was made."""
    import time

    end = time.monotonic() + 30
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 1}]}}
    number = 0
    while time.monotonic() < end:
        number += 1
        try:
            metadata = {"name": f"probe-{number}"}
            world.api.create(world.path("Service"), {**service, "metadata": metadata})
        except OpsError as error:
            return error
        time.sleep(0.2)
    raise AssertionError("the webhook was never asked")


def test_a_namespace_that_ends_takes_nothing_new(world: World) -> None:
    finalized = f"/api/v1/namespaces/{world.namespace}"
    world.api.delete(finalized)  # no controller ends it here
    _, seen = world.plan()
    assert any("kubernetes/terminating" in str(one.error) for one in seen.observation.problems)
    with pytest.raises(OpsError) as refused:
        world.target.acquire("me", 60)
    assert refused.value.code == "kubernetes/terminating"


def test_a_storage_class_that_is_not_there_is_said_with_those_that_are(world: World) -> None:
    parts = world.parts
    options = parts.environment.targets["k"].kubernetes  # type: ignore[union-attr]
    made = world.target
    made._site = replace(made._site, options=options.model_copy(update={"storage_class": "gold"}))
    plan, _ = make_plan(replace(parts, targets={"k": made}), Scope())
    assert any('there is no storage class "gold"' in words for words in plan.blocked)


def test_a_namespace_of_another_environment_is_refused(world: World) -> None:
    assert world.apply().error is None
    parent = {"data": {"environment": "other"}}
    world.api.merge(world.path("ConfigMap", "opsctl"), parent)
    _, seen = world.plan()
    assert any(
        "kubernetes/other-environment" in str(one.error) for one in seen.observation.problems
    )


def test_one_cluster_that_is_away_does_not_hold_up_the_other_target(world: World) -> None:
    parts = world.parts
    away = world.folder / "away.kubeconfig"
    said = json.loads(world.server.kubeconfig.read_text())
    said["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    away.write_text(json.dumps(said))
    options = parts.environment.targets["k"].kubernetes  # type: ignore[union-attr]
    other = KubernetesTarget("gone", options, "shop", world.secrets, Access(kubeconfig=away))
    plan, seen = make_plan(replace(parts, targets={**parts.targets, "gone": other}), Scope())
    assert list(seen.observation.unreachable) == [f"gone/{world.namespace}"]
    assert {change.id.where for change in plan.changes} == {f"k/{world.namespace}"}


def test_a_server_that_comes_back_in_the_middle_of_work_is_waited_for(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    said = json.loads(world.server.kubeconfig.read_text())
    cluster = said["clusters"][0]["cluster"]
    behind = int(cluster["server"].rpartition(":")[2])
    cluster["server"] = f"https://127.0.0.1:{port}"
    file = world.folder / "late.kubeconfig"
    file.write_text(json.dumps(said))
    api = Api(Connection(kubeconfig=file), "k", world.namespace)
    with pytest.raises(OpsError, match="refused"):
        api.get("/version")
    ended = threading.Event()
    late = threading.Timer(1.0, _forward, (port, behind, ended))
    late.start()
    try:
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
        metadata = {"name": "late", "namespace": world.namespace}
        assert api.patient(30).apply({**manifest, "metadata": metadata})["data"] == {"a": "b"}
    finally:
        ended.set()
        late.join(10)


def _forward(port: int, behind: int, ended: threading.Event) -> None:
    """One server comes up at `port`, and is the one at `behind`."""
    with socket.create_server(("127.0.0.1", port)) as listener, selectors.DefaultSelector() as all_:
        all_.register(listener, selectors.EVENT_READ)
        other: dict[socket.socket, socket.socket] = {}
        while not ended.is_set():
            for key, _ in all_.select(timeout=0.2):
                if key.fileobj is listener:
                    near, _address = listener.accept()
                    far = socket.create_connection(("127.0.0.1", behind))
                    other |= {near: far, far: near}
                    all_.register(near, selectors.EVENT_READ)
                    all_.register(far, selectors.EVENT_READ)
                elif isinstance(key.fileobj, socket.socket):
                    data = key.fileobj.recv(65_536)
                    if data:
                        other[key.fileobj].sendall(data)
                    else:
                        all_.unregister(key.fileobj)
        for one in other:
            one.close()
