"""Cluster: a lab whose hosts are the nodes of a Kubernetes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.errors import OpsError
from opsctl.lab import lab as labs
from opsctl.lab.commands import run, until
from opsctl.lab.lab import Lab

READY_TIMEOUT = 300  # seconds until nodes and DNS are ready; 20 s on an idle machine
NAME = "kubernetes"


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A node as the API tells of it now; `ready` is False as well when the API does not answer."""

    name: str
    address: str
    zone: str
    running: bool
    ready: bool
    control: bool


class Cluster:
    """An existing cluster. Values are read anew at each call."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    @property
    def name(self) -> str:
        return self.lab.name

    @property
    def kubeconfig(self) -> Path:
        """Of who may do everything; mode 0600. Written when the control plane stands."""
        return self.lab.folder.path / "kubeconfig"

    @property
    def kubectl_program(self) -> Path:
        return self.lab.folder.share / "bin" / "kubectl"

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of the nodes that pods are put on."""
        return tuple(host.name for host in self.lab.hosts[1:])

    def kubectl(self, *arguments: str, text: str | None = None, timeout: float = 60) -> str:
        """What kubectl prints, with `text` on its input. Raises lab/command, lab/timeout."""
        argv = [str(self.kubectl_program), "--kubeconfig", str(self.kubeconfig), *arguments]
        what = f"kubectl {' '.join(arguments[:2])}"
        return run(argv, what=what, timeout=timeout, text=text).stdout

    def nodes(self) -> tuple[ClusterNode, ...]:
        """Every host, and what the API says of it."""
        ready = self._ready()
        return tuple(
            ClusterNode(h.name, h.address, h.rack, h.running, h.name in ready, number == 0)
            for number, h in enumerate(self.lab.hosts)
        )

    def await_ready(self, timeout: float = READY_TIMEOUT) -> None:
        """Wait until every node and the cluster's DNS are ready; `timeout` is in seconds."""
        until(self.answers, what="the API server to answer", timeout=timeout, pause=0.5)
        names = [f"node/{host.name}" for host in self.lab.hosts]
        bound = f"--timeout={timeout:g}s"
        self.kubectl("wait", "--for=condition=Ready", *names, bound, timeout=timeout + 10)
        dns = ["deployment/coredns", "--namespace", "kube-system"]
        self.kubectl("rollout", "status", *dns, bound, timeout=timeout + 10)

    def down(self) -> None:
        """Remove everything of it, finished or not, down to its folder. Twice does no harm."""
        self.lab.down()

    def answers(self) -> bool:
        """Whether the API server says that it is ready."""
        try:
            return self.kubectl("get", "--raw=/readyz", "--request-timeout=5s") == "ok"
        except OpsError:
            return False

    def _ready(self) -> set[str]:
        """Names of the nodes that the API calls ready; none when it does not answer."""
        if not self.kubeconfig.exists():
            return set()
        try:
            said = self.kubectl("get", "nodes", "--output=json", "--request-timeout=5s")
        except OpsError:
            return set()
        return {node["metadata"]["name"] for node in json.loads(said)["items"] if _is_ready(node)}


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def find(name: str = NAME) -> Cluster | None:
    """The cluster of that name, half made or whole, or None (a lab of plain hosts is none)."""
    lab = labs.find(name)
    if lab is None:
        return None
    try:
        record = lab.folder.load()
    except OpsError:
        record = None  # a broken record must not keep it from being removed
    return Cluster(lab) if record is None or record.nested else None
