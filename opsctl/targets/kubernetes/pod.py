"""The pod template: Pod Security `restricted`, spread over nodes and zones."""

from __future__ import annotations

import math
from typing import Final

from opsctl.model import Toleration
from opsctl.targets.kubernetes.container import container, installer
from opsctl.targets.kubernetes.site import Manifest, Placed, group_selector
from opsctl.targets.kubernetes.storage import volumes

# Not root, the same in every image, and the group that owns the volumes: accounts of a
# distribution ("redis", "postgres") have other numbers in every image, or none.
ACCOUNT: Final = 10001

_SECURITY: Final[Manifest] = {
    "runAsNonRoot": True,
    "runAsUser": ACCOUNT,
    "runAsGroup": ACCOUNT,
    "fsGroup": ACCOUNT,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod_spec(placed: Placed) -> Manifest:
    """The member's pod; every component is one of its containers."""
    options = placed.site.options
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": _SECURITY,
        "terminationGracePeriodSeconds": _grace(placed),
        **_where(placed),
        "initContainers": [installer(placed)],
        "containers": [container(placed, part) for part in placed.member.components],
        "volumes": volumes(placed),
    }
    if options.tolerations:
        spec["tolerations"] = [_toleration(one) for one in options.tolerations]
    if options.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in options.pull_secrets]
    return spec


def _grace(placed: Placed) -> int:
    return math.ceil(max(part.command.grace for part in placed.member.components))


def _where(placed: Placed) -> Manifest:
    """Beside clients on whatever node they run; else apart, on nodes that were chosen."""
    if placed.shared:
        return {"nodeSelector": {"kubernetes.io/os": "linux"}}
    found: Manifest = {
        "affinity": _apart(placed),
        "topologySpreadConstraints": [_spread(placed)],
    }
    if placed.site.options.node_selector:
        found["nodeSelector"] = dict(placed.site.options.node_selector)
    return found


def _apart(placed: Placed) -> Manifest:
    """Never two members of a group on one node: losing it would cost more than one vote."""
    selector = {"matchLabels": group_selector(placed.site, placed.workload, placed.group)}
    term = {"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def _spread(placed: Placed) -> Manifest:
    """Evenly over zones where there are any: nodes without the label would be ruled out."""
    selector = {"matchLabels": group_selector(placed.site, placed.workload, placed.group)}
    return {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": selector,
    }


def _toleration(toleration: Toleration) -> Manifest:
    operator = toleration.operator if toleration.key else "Exists"
    fields = {
        "key": toleration.key,
        "operator": operator,
        "value": toleration.value if operator == "Equal" else None,
        "effect": toleration.effect,
        "tolerationSeconds": toleration.seconds,
    }
    return {key: value for key, value in fields.items() if value is not None}
