"""From what the spec says of a cluster to a Kubernetes target."""

from __future__ import annotations

import os
from pathlib import Path

from opsctl import model
from opsctl.model import Environment
from opsctl.ports import Secrets
from opsctl.targets.kubernetes import Access, Collectors, CutPower, KubernetesTarget
from opsctl.wiring.labs import power_switch


def kubernetes_target(
    spec: Environment,
    name: str,
    written: model.KubernetesTarget,
    secrets: Secrets,
    *,
    cache: Path | None = None,
    force_conflicts: bool = False,
) -> KubernetesTarget:
    """The target `name`. kubeconfig is read when the cluster is first asked something."""
    access = Access(
        cache=cache,
        environment_id=spec.id,
        force_conflicts=force_conflicts,
        cut_power=_switch(Path(os.environ.get("KUBECONFIG", ""))),
        collectors=_collectors(spec, name),
    )
    return KubernetesTarget(name, written.kubernetes, spec.name, secrets, access)


def _collectors(spec: Environment, name: str) -> Collectors | None:
    """A Prometheus that others run, which asks the members of the target."""
    monitoring = spec.monitoring
    if monitoring is None or monitoring.on != name or monitoring.prometheus is None:
        return None
    from opsctl.monitoring.operator import PODS

    return Collectors(PODS, monitoring.prometheus.addresses)


def _switch(kubeconfig: Path) -> CutPower | None:
    """The power switch of the nodes, where they are hosts of a lab on this machine."""
    if kubeconfig.name != "kubeconfig":
        return None
    from opsctl.lab.kubernetes import find

    found = find(kubeconfig.parent.name)
    if found is None or found.kubeconfig.resolve() != kubeconfig.resolve():
        return None
    return power_switch(found.lab)
