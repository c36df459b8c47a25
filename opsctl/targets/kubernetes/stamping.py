"""What apply adds to a manifest: marks of ownership and what no rendered file can hold. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict
from typing import Any, Final

from opsctl import __version__
from opsctl.errors import Exit, OpsError
from opsctl.planning.resource import Resource
from opsctl.ports.secrets import Secrets
from opsctl.targets.kubernetes.fingerprints import fill
from opsctl.targets.kubernetes.resources import MANIFEST, POD
from opsctl.targets.kubernetes.site import Manifest, Payload, Site
from opsctl.workload import Seat

PART_OF: Final = "applyset.kubernetes.io/part-of"
SET_ID: Final = "applyset.kubernetes.io/id"
SEAT: Final = "opsctl.dev/seat"
MARK: Final = "opsctl.dev/has-"  # and an attribute's name: an annotation of pods
PARENT: Final = "opsctl"  # the ConfigMap that stands for all that is ours in the namespace
RUNS: Final = frozenset({"StatefulSet", "DaemonSet"})  # kinds that keep pods

_SET_KINDS: Final = (
    "ConfigMap", "CronJob.batch", "DaemonSet.apps", "NetworkPolicy.networking.k8s.io",
    "PodDisruptionBudget.policy", "Role.rbac.authorization.k8s.io",
    "RoleBinding.rbac.authorization.k8s.io", "Secret", "Service", "ServiceAccount",
    "StatefulSet.apps",
)  # fmt: skip


def set_id(namespace: str) -> str:
    """The id of our ApplySet, as its specification derives it from its parent."""
    name = f"{PARENT}.{namespace}.ConfigMap."
    mac = base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode().rstrip("=")
    return f"applyset-{mac}-v1"


def parent(site: Site, environment_id: str) -> Manifest:
    """The ConfigMap that other tools prune by, and that says whose namespace this is."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": PARENT,
            "namespace": site.namespace,
            "labels": {
                "app.kubernetes.io/managed-by": "opsctl",
                SET_ID: set_id(site.namespace),
            },
            "annotations": {
                "applyset.kubernetes.io/tooling": f"opsctl/{__version__}",
                "applyset.kubernetes.io/contains-group-kinds": ",".join(_SET_KINDS),
            },
        },
        "data": {"environment": environment_id},
    }


def payload_of(resource: Resource) -> Payload:
    assert isinstance(resource.payload, Payload), f"{resource.id} was not made by this target"
    return resource.payload


def stamped(resource: Resource, namespace: str) -> Manifest:
    """The manifest with our marks, Secret values left out."""
    payload = payload_of(resource)
    manifest = copy(payload.manifest)
    metadata = copy(manifest["metadata"])
    if manifest["kind"] != "PersistentVolumeClaim":  # never pruned, by nobody
        metadata["labels"] = {**metadata.get("labels", {}), PART_OF: set_id(namespace)}
    if payload.seat is not None:
        metadata["annotations"] = {**metadata.get("annotations", {}), SEAT: seat_out(payload.seat)}
    manifest["metadata"] = metadata
    if manifest["kind"] in RUNS and (marks := started_marks(resource)):
        manifest["spec"] = _marked(manifest["spec"], marks)
    return manifest


def started_marks(resource: Resource) -> dict[str, str]:
    """The annotations that tell what a pod has taken in, beyond its template: a pod bears those
    that it was started with, or that were set when it took in something newer."""
    return {
        f"{MARK}{name}": value
        for name, value in resource.desired.items()
        if name not in (MANIFEST, POD) and value is not None
    }


def _marked(spec: dict[str, Any], marks: Mapping[str, str]) -> dict[str, Any]:
    template = spec["template"]
    metadata = template["metadata"]
    annotations = {**metadata.get("annotations", {}), **marks}
    return spec | {"template": template | {"metadata": metadata | {"annotations": annotations}}}


def filled(manifest: Manifest, payload: Payload, site: Site, secrets: Secrets) -> Manifest:
    """A Secret's manifest with its values. Raises secrets/unknown (exit 4)."""
    if not payload.texts:
        return manifest
    values: dict[str, str] = {}
    for key, text in payload.texts.items():
        value = fill(site, text, secrets)
        if value is None:
            names = ", ".join(sorted({ref.name for ref in text.derived}))
            raise OpsError(
                "secrets/unknown",
                f"{manifest['metadata']['name']} needs secrets that are not known here: {names}",
                where=site.where,
                hint="is the root key here? opsctl secrets",
                exit=Exit.REFUSED,
            )
        values[key] = base64.b64encode(value.encode()).decode()
    return manifest | {"data": values}


def seat_out(seat: Seat) -> str:
    return json.dumps(asdict(seat), sort_keys=True, separators=(",", ":"))


def seat_in(text: str) -> Seat | None:
    """None for what this version can't read: a guess less, no more."""
    try:
        said = json.loads(text)
        known = {name: said[name] for name in Seat.__dataclass_fields__ if name in said}
        return Seat(**known)
    except (ValueError, TypeError):
        return None
