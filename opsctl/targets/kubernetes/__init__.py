"""Services as Kubernetes objects: one builder per kind, all of them pure; and the doors to a
cluster, all of which go through `api.py`.

Every member is a StatefulSet of its own with one pod, so that opsctl alone decides which member is
replaced next, and a Service of its own, whose address outlives the pod.
"""

from opsctl.targets.kubernetes.network import Collectors
from opsctl.targets.kubernetes.reaching import CutPower
from opsctl.targets.kubernetes.render import render_manifests, render_roles
from opsctl.targets.kubernetes.target import Access, KubernetesTarget

__all__ = [
    "Access",
    "Collectors",
    "CutPower",
    "KubernetesTarget",
    "render_manifests",
    "render_roles",
]
