"""PodDisruptionBudget: how many members of a group a drain must leave."""

from __future__ import annotations

from opsctl.targets.kubernetes.site import (
    Manifest,
    Site,
    group_labels,
    group_name,
    group_selector,
)
from opsctl.workload import Group, Workload


def disruption_budget(site: Site, workload: Workload, group: Group) -> Manifest:
    """The budget that keeps the quorum; a pod that is not healthy anyway holds up no drain.

    A whole number, the only form that counts pods of several StatefulSets.
    """
    labels = group_labels(site, workload, group)
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": site.metadata(group_name(workload, group), labels),
        "spec": {
            "minAvailable": group.quorum,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": group_selector(site, workload, group)},
        },
    }
