"""Where the API keeps each kind: data, so that every kind takes the same road."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from opsctl.targets.kubernetes.site import Manifest


@dataclass(frozen=True, slots=True)
class Kind:
    """`version` is "v1" or "apps/v1"."""

    name: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        return self.version.rpartition("/")[0]

    def path(self, namespace: str, name: str = "") -> str:
        root = f"/apis/{self.version}" if "/" in self.version else f"/api/{self.version}"
        space = f"/namespaces/{quote(namespace)}" if self.namespaced else ""
        return f"{root}{space}/{self.plural}" + (f"/{quote(name)}" if name else "")


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("Namespace", "v1", "namespaces", namespaced=False),
        Kind("Service", "v1", "services"),
        Kind("ConfigMap", "v1", "configmaps"),
        Kind("Secret", "v1", "secrets"),
        Kind("PersistentVolumeClaim", "v1", "persistentvolumeclaims"),
        Kind("Pod", "v1", "pods"),
        Kind("ServiceAccount", "v1", "serviceaccounts"),
        Kind("Role", "rbac.authorization.k8s.io/v1", "roles"),
        Kind("RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings"),
        Kind("StatefulSet", "apps/v1", "statefulsets"),
        Kind("DaemonSet", "apps/v1", "daemonsets"),
        Kind("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies"),
        Kind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets"),
        Kind("CronJob", "batch/v1", "cronjobs"),
        Kind("Job", "batch/v1", "jobs"),
        Kind("Lease", "coordination.k8s.io/v1", "leases"),
        Kind("StorageClass", "storage.k8s.io/v1", "storageclasses", namespaced=False),
    )
}


def path_of(manifest: Manifest) -> str:
    """Where a manifest's object lives."""
    metadata = manifest["metadata"]
    return KINDS[manifest["kind"]].path(metadata.get("namespace", ""), metadata["name"])
