"""The pod template: Pod Security `restricted`, spread over nodes and zones."""

from __future__ import annotations

import math
from typing import Final

from opsctl.model import Kubernetes, Toleration
from opsctl.targets.kubernetes.container import container, installer, job_container, job_room
from opsctl.targets.kubernetes.jobs import all_jobs, telling, volume
from opsctl.targets.kubernetes.site import Manifest, Placed, discovers, group_selector
from opsctl.targets.kubernetes.storage import DATA_CLAIM, data_volume, node_volumes, volumes
from opsctl.workload import Component, Job

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
# An agent sees the processes and the network of its node, and is on all of them.
_ON_NODE: Final[Manifest] = {"hostNetwork": True, "hostPID": True}
_EVERYWHERE: Final[Manifest] = {"tolerations": [{"operator": "Exists"}]}
_ALONE: Final[Manifest] = {
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "securityContext": _SECURITY,
}


def pod_spec(placed: Placed) -> Manifest:
    """The member's pod; every component is one of its containers, and what its jobs are asked."""
    jobs = tuple(all_jobs(placed))
    servers = [container(placed, part) for part in placed.member.components]
    return {
        **_ALONE,
        **_account(placed),
        **(_ON_NODE if placed.site.agents else {}),
        "terminationGracePeriodSeconds": _grace(placed),
        **_where(placed),
        "initContainers": [installer(placed)],
        "containers": [*servers, *(job_room(placed, part, job) for part, job in jobs)],
        "volumes": [
            *volumes(placed),
            *(volume(placed, job) for _, job in jobs),
            *node_volumes(placed),
        ],
        **_let_in(placed.site.options),
        **(_EVERYWHERE if placed.site.agents else {}),
    }


def _account(placed: Placed) -> Manifest:
    """Who asks the cluster which members are where has an account for that; others have none."""
    if not discovers(placed.member):
        return {}
    return {"serviceAccountName": placed.account, "automountServiceAccountToken": True}


def job_pod_spec(placed: Placed, component: Component, job: Job) -> Manifest:
    """The pod that does a job at its times: with the member's files, and none of its data."""
    own = {one.name: one for one in (job, *telling(placed))}
    found = [*volumes(placed), *(volume(placed, one) for one in own.values())]
    if data_volume(placed.member) is not None:  # in memory: seeded files may be secret
        found.append({"name": DATA_CLAIM, "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}})
    return {
        **_ALONE,
        "initContainers": [installer(placed)],
        "containers": [job_container(placed, component, job)],
        "volumes": found,
        **_let_in(placed.site.options),
    }


def _let_in(options: Kubernetes) -> Manifest:
    """What lets it onto nodes and to its image."""
    found: Manifest = {}
    if options.tolerations:
        found["tolerations"] = [_toleration(one) for one in options.tolerations]
    if options.pull_secrets:
        found["imagePullSecrets"] = [{"name": name} for name in options.pull_secrets]
    return found


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
