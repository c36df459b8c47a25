"""The cluster that tests of the Kubernetes target stand on is a real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from opsctl.errors import OpsError
from opsctl.lab.commands import until
from opsctl.lab.kubernetes import Cluster, up
from opsctl.lab.kubernetes.kubeadm import ZONE

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1200)]
SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
SERVE = "echo kept >> /data/word; cd /data; exec python3 -m http.server 8080"


def listed(cluster: Cluster, *what: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(cluster.kubectl("get", *what, "-o", "json"))["items"]
    return items


def pod(name: str, command: str, *, node: str = "", claim: str = "") -> dict[str, Any]:
    volume: dict[str, Any] = {"persistentVolumeClaim": {"claimName": claim}} if claim else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"fsGroup": 10001},
            **({"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}),
            "containers": [
                {
                    "name": "main",
                    "image": "redis:8.0",
                    "command": ["sh", "-c", command],
                    "securityContext": SECURITY,
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }
            ],
            "volumes": [{"name": "data", **(volume or {"emptyDir": {}})}],
        },
    }


def claim(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def service(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]},
    }


def create(cluster: Cluster, room: str, *objects: dict[str, Any]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    cluster.kubectl("apply", "-n", room, "-f", "-", text=text)


def await_pod(cluster: Cluster, room: str, name: str) -> None:
    bound = ["--for=condition=Ready", "--timeout=120s"]
    cluster.kubectl("wait", "-n", room, f"pod/{name}", *bound, timeout=130)


def fetched(cluster: Cluster, room: str, client: str, url: str) -> str:
    """What a pod gets from a URL."""
    script = f"import urllib.request as r; print(r.urlopen('{url}', timeout=5).read().decode())"
    return cluster.kubectl("exec", "-n", room, client, "--", "python3", "-c", script)


def volumes_in(cluster: Cluster, phase: str) -> set[str]:
    found = listed(cluster, "persistentvolumes")
    return {one["metadata"]["name"] for one in found if one["status"]["phase"] == phase}


def served(cluster: Cluster, room: str) -> Callable[[], bool]:
    def look() -> bool:
        try:
            return "kept" in fetched(cluster, room, "client", f"http://server.{room}/word")
        except OpsError:
            return False

    return look


def test_every_node_is_ready_and_workers_lie_in_three_zones(cluster: Cluster) -> None:
    assert [node.ready for node in cluster.nodes()] == [True] * 4
    labels = {
        node["metadata"]["name"]: node["metadata"]["labels"][ZONE]
        for node in listed(cluster, "nodes")
    }
    assert len({labels[name] for name in cluster.workers}) == 3


def test_a_restricted_pod_with_a_volume_is_reached_through_its_service_by_name(
    cluster: Cluster, room: str
) -> None:
    server = pod("server", SERVE, node="n2", claim="data")
    create(cluster, room, claim("data"), server, service("server"))
    create(cluster, room, pod("client", "sleep 1000", node="n3"))
    await_pod(cluster, room, "server")
    await_pod(cluster, room, "client")
    assert fetched(cluster, room, "client", f"http://server.{room}/word").strip() == "kept"


def test_a_pod_that_asks_for_more_than_restricted_is_refused(cluster: Cluster, room: str) -> None:
    greedy = pod("greedy", "sleep 1000")
    greedy["spec"]["hostNetwork"] = True
    with pytest.raises(OpsError) as refused:
        create(cluster, room, greedy)
    assert "violates PodSecurity" in " ".join(refused.value.details)


def test_a_volume_is_emptied_and_offered_again_when_its_claim_is_gone(
    cluster: Cluster, room: str
) -> None:
    create(cluster, room, claim("data"), pod("server", SERVE, node="n2", claim="data"))
    await_pod(cluster, room, "server")
    said = cluster.kubectl("get", "pvc", "data", "-n", room, "-o", "jsonpath={.spec.volumeName}")
    cluster.kubectl("delete", "pod/server", "pvc/data", "-n", room, timeout=120)
    until(
        lambda: said in volumes_in(cluster, "Available"),
        what=f"volume {said} to be offered again",
        timeout=60,
        pause=0.5,
    )
    path = f"/var/lib/volumes/{said.removeprefix('n2-')}"
    assert cluster.lab.exec("n2", ["ls", "-A", path]).stdout == ""


def test_a_node_whose_power_is_cut_is_missed_and_comes_back_with_its_pods(
    cluster: Cluster, room: str
) -> None:
    server = pod("server", SERVE, node="n4", claim="data")
    create(cluster, room, claim("data"), server, service("server"))
    create(cluster, room, pod("client", "sleep 1000", node="n3"))
    await_pod(cluster, room, "server")
    await_pod(cluster, room, "client")
    cluster.lab.faults.kill("n4", for_=600)
    gone = ["--for=condition=Ready=Unknown", "--timeout=180s"]
    cluster.kubectl("wait", "node/n4", *gone, timeout=190)
    assert not served(cluster, room)()
    cluster.lab.faults.start("n4")
    cluster.await_ready()
    until(served(cluster, room), what="the pod on n4 to serve again", timeout=180, pause=0.5)


def test_up_again_changes_nothing(cluster: Cluster) -> None:
    def identities() -> set[str]:
        pods = listed(cluster, "pods", "--namespace=kube-system")
        return {one["metadata"]["uid"] for one in [*listed(cluster, "nodes"), *pods]}

    before = identities()
    up(cluster.name, progress=print)
    assert identities() == before
