"""Files of which there is one for every service: in ConfigMaps beside the member's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from test_kubernetes_manifests import target
from test_monitoring_services import CLUSTER, in_cluster, spec

from opsctl.targets.kubernetes.site import Payload

LIMIT = 1024**2  # bytes that a ConfigMap holds


def made(count: int) -> dict[str, Mapping[str, Any]]:
    """By kind and name, what one Prometheus that watches so many Redis services consists of."""
    redis = {"engine": "redis", "on": "dc", "mode": "replication", "replicas": 2}
    services = {f"s{number:02}": redis for number in range(count)}
    environment = spec(targets={"dc": CLUSTER}, services=services)
    work = in_cluster(environment, {})
    found = target().realise(tuple(work.values()), environment.services)
    return {
        f"{one.id.kind} {one.id.name}": {**one.payload.manifest, "hidden": one.payload.texts}
        for one in found
        if one.member == "metrics-dc-0" and isinstance(one.payload, Payload)
    }


def shelves(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """By file, the ConfigMap that it is in."""
    return {
        key: name
        for name, manifest in found.items()
        if name.startswith("ConfigMap metrics-dc-0-more-")
        for key in manifest["data"]
    }


def test_a_service_more_moves_no_other_s_file_and_replaces_no_pod() -> None:
    few, many = made(2), made(12)
    before, after = shelves(few), shelves(many)
    assert len(after) == len(before) + 10
    assert {name: after[name] for name in before} == before
    pod = "StatefulSet metrics-dc-0"
    assert many[pod]["spec"]["template"] == few[pod]["spec"]["template"]


def test_each_file_is_in_one_place_and_none_is_missing() -> None:
    found = made(3)
    own = found["ConfigMap metrics-dc-0"]["data"]
    listed = [line.split() for line in own["opsctl.files"].splitlines()]
    wanted = {key for life, _, key, _ in listed if life == "managed"}
    secret = set(found["Secret metrics-dc-0"]["hidden"])
    assert wanted == (set(own) & wanted) | set(shelves(found)) | secret
    assert not any(key.startswith("rules-") for key in own)


def test_many_services_fit() -> None:
    sizes = [
        sum(map(len, manifest["data"].values()))
        for name, manifest in made(60).items()
        if name.startswith("ConfigMap ")
    ]
    assert sum(sizes) > LIMIT
    assert max(sizes) < LIMIT / 2
