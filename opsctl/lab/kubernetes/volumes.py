"""Local volumes: some folders on each worker, offered as PersistentVolumes. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from opsctl.lab.kubernetes.node import HOST_LABEL, VOLUMES
from opsctl.lab.spec import Node

PER_NODE = 16
STORAGE_CLASS = "local"
CAPACITY = "100Gi"  # what is said; the room is that of the host's disk


def paths() -> tuple[str, ...]:
    """The folders on each worker."""
    return tuple(f"{VOLUMES}/v{number}" for number in range(1, PER_NODE + 1))


def objects(workers: Sequence[Node]) -> str:
    """The storage class, which is the default, and the volumes, as one JSON list."""
    made = [_volume(node, path) for node in workers for path in paths()]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [_class(), *made]})


def _class() -> dict[str, object]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _volume(node: Node, path: str) -> dict[str, object]:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node.name]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": f"{node.name}-{path.rpartition('/')[2]}",
            "labels": {HOST_LABEL: node.name},
        },
        "spec": {
            "capacity": {"storage": CAPACITY},
            "accessModes": ["ReadWriteOnce"],
            # Emptied and offered again by the node's opsctl-volumes.service.
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "local": {"path": path},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
