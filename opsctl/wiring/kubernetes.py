"""From what the spec says of a cluster to a Kubernetes target."""

from __future__ import annotations

from opsctl import model
from opsctl.model import Environment
from opsctl.ports import Secrets
from opsctl.targets.kubernetes import KubernetesTarget


def kubernetes_target(
    spec: Environment, name: str, written: model.KubernetesTarget, secrets: Secrets
) -> KubernetesTarget:
    """The target `name`."""
    return KubernetesTarget(name, written.kubernetes, spec.name, secrets)
