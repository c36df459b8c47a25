"""A node agent: the pod through which an administrator's scripts get to a node. Pure.

A Job, so that the cluster itself takes it away once nothing has used it for some minutes, although
opsctl is gone. It lies in a namespace of its own, because it may do everything on its node.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

from opsctl.targets.kubernetes.site import Manifest, Site

IDLE: Final = 300  # seconds after its last use that an agent ends
GONE: Final = 30  # seconds after its end that the cluster removes it
CONTAINER: Final = "agent"
NODE: Final = "opsctl.dev/node"
USED: Final = "/tmp/used"  # noqa: S108 - the agent's own
_LABELS: Final = {"app.kubernetes.io/managed-by": "opsctl", "opsctl.dev/agent": "node"}

_WAIT: Final = f"""\
touch {USED}
while [ $(($(date +%s) - $(stat -c %Y {USED}))) -lt {IDLE} ]; do sleep 5; done
"""

# The script is standard input. It leaves the pod's cgroup, so that what it starts outlives the
# agent, and the pod's environment; with namespaces of the node's first process it is on the node.
_ENTER: Final = f"""\
touch {USED}
nsenter -t 1 -m -- sh -c '
if [ -e /sys/fs/cgroup/cgroup.procs ]; then echo "$1" > /sys/fs/cgroup/cgroup.procs; exit; fi
for each in /sys/fs/cgroup/*/cgroup.procs; do echo "$1" > "$each"; done' sh $$ 2>/dev/null
exec nsenter -t 1 -m -u -i -n -p -- env -i LC_ALL=C.UTF-8 HOME=/root \
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
timeout -k 1 "$1" /bin/sh
"""


def namespace(site: Site) -> str:
    """Where the agents of an environment are."""
    return site.namespace if site.agents else beside(site.namespace)


def site_of_agents(site: Site) -> Site:
    """The same environment's, for them alone."""
    return replace(site, namespace=namespace(site), agents=True)


def beside(namespace: str) -> str:
    """The same, by the environment's own."""
    return f"{namespace[:50]}-opsctl-nodes"


def namespace_manifest(site: Site) -> Manifest:
    """With a Pod Security that lets them in, and nobody else's pods beside them."""
    levels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace(site), "labels": {**_LABELS, **levels}},
    }


def job_name(node: str) -> str:
    """Valid and another for every node, whose names may have dots and 253 letters."""
    digest = hashlib.sha256(node.encode()).hexdigest()[:8]
    return f"node-{node.partition('.')[0][:40].rstrip('-')}-{digest}"


def job(site: Site, node: str, image: str) -> Manifest:
    """`image`: one that the node has already, so that nothing is pulled."""
    name = job_name(node)
    container = {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _WAIT],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {"privileged": True, "runAsUser": 0},
    }
    spec = {
        "nodeName": node,  # no scheduler is asked: taints and cordons are no matter here
        "hostPID": True,
        "hostNetwork": True,
        "hostIPC": True,
        "restartPolicy": "OnFailure",  # it is there again when its node has booted
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace(site), "labels": dict(_LABELS)},
        "spec": {
            "backoffLimit": 100,
            "ttlSecondsAfterFinished": GONE,
            "template": {
                "metadata": {"labels": _LABELS, "annotations": {NODE: node}},
                "spec": spec,
            },
        },
    }


def call(seconds: int) -> tuple[str, ...]:
    """What is run in the agent: a script from standard input, on the node, for so long at most."""
    return ("sh", "-c", _ENTER, "agent", str(seconds))
