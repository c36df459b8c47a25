"""What kubeadm is told. Pure: JSON documents, which are YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from opsctl.lab.kubernetes.go import DNS_VERSION, VERSION
from opsctl.lab.kubernetes.images import REGISTRY
from opsctl.lab.spec import Node

SERVICES = "10.96.0.0/16"
ZONE = "topology.kubernetes.io/zone"
PORT = 6443
_API = "kubeadm.k8s.io/v1beta4"


def init(node: Node, address: str, token: str) -> str:
    """The configuration of `kubeadm init`; the token, which does not expire, lets nodes join."""
    return _documents(
        {
            "apiVersion": _API,
            "kind": "InitConfiguration",
            "bootstrapTokens": [{"token": token, "ttl": "0s"}],
            "localAPIEndpoint": {"advertiseAddress": address, "bindPort": PORT},
            "nodeRegistration": _registration(node),
        },
        {
            "apiVersion": _API,
            "kind": "ClusterConfiguration",
            "kubernetesVersion": VERSION,
            "imageRepository": REGISTRY,
            "dns": {"imageTag": DNS_VERSION},
            # Debian's; the etcd that kubeadm starts wants flags of a newer one.
            "etcd": {"external": {"endpoints": ["http://127.0.0.1:2379"]}},
            "networking": {"serviceSubnet": SERVICES},
        },
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "failSwapOn": False,
            "localStorageCapacityIsolation": False,
            "enforceNodeAllocatable": [],
            # Loaded images can't be fetched again, so nothing may clear them away.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "100Mi"},
        },
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            # The machine's own limits stay.
            "conntrack": {"maxPerCore": 0, "min": 0},
        },
    )


def join(node: Node, server: str, token: str) -> str:
    """The configuration of `kubeadm join`; `server` is the control plane's address."""
    return _documents(
        {
            "apiVersion": _API,
            "kind": "JoinConfiguration",
            "discovery": {
                "bootstrapToken": {
                    "token": token,
                    "apiServerEndpoint": f"{server}:{PORT}",
                    # The way there is the lab's own bridge.
                    "unsafeSkipCAVerification": True,
                }
            },
            "nodeRegistration": _registration(node),
        }
    )


def _registration(node: Node) -> dict[str, object]:
    return {
        "name": node.name,
        "criSocket": "unix:///run/containerd/containerd.sock",
        "ignorePreflightErrors": ["all"],
        "kubeletExtraArgs": [{"name": "node-labels", "value": f"{ZONE}={node.rack}"}],
    }


def _documents(*documents: Mapping[str, object]) -> str:
    parts: Sequence[str] = [json.dumps(document, indent=1) for document in documents]
    return "\n---\n".join(parts) + "\n"
