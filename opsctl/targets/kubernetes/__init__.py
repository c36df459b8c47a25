"""Services as Kubernetes objects: one builder per kind, all of them pure.

Every member is a StatefulSet of its own with one pod, so that opsctl alone decides which member is
replaced next, and a Service of its own, whose address outlives the pod.
"""

from opsctl.targets.kubernetes.render import render_manifests
from opsctl.targets.kubernetes.target import KubernetesTarget

__all__ = ["KubernetesTarget", "render_manifests"]
