"""DaemonSet: one for a group whose members sit beside their clients, a pod on each node."""

from __future__ import annotations

from opsctl.errors import OpsError
from opsctl.targets.kubernetes.pod import pod_spec
from opsctl.targets.kubernetes.site import STARTED_WITH, Manifest, Placed
from opsctl.targets.kubernetes.statefulset import started_with
from opsctl.targets.kubernetes.storage import data_volume
from opsctl.workload import Group


def daemon_set(placed: Placed) -> Manifest:
    """The group's DaemonSet. Its pods are replaced only when opsctl deletes them.

    Raises OpsError for members that keep data or that are not alike: a template has no room for it.
    """
    _check(placed.group)
    spec = pod_spec(placed)
    annotations = {STARTED_WITH: started_with(placed, spec)}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": placed.site.metadata(placed.name, placed.labels),
        "spec": {
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": placed.selector},
            "updateStrategy": {"type": "OnDelete"},
            "template": {
                "metadata": {"labels": placed.labels, "annotations": annotations},
                "spec": spec,
            },
        },
    }


def _check(group: Group) -> None:
    first = group.members[0]
    for member in group.members:
        if member.components != first.components:
            raise OpsError(
                "kubernetes/not-alike",
                f"{member.name} and {first.name} share their files and must be alike",
                where=f"group {group.name}",
            )
    if data_volume(first) is not None or any(part.jobs for part in first.components):
        raise OpsError(
            "kubernetes/data-near-clients",
            "members near their clients keep no data on Kubernetes",
            where=f"group {group.name}",
        )
