"""The files that make a lab host a node. Pure: paths and texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.lab.kubernetes.images import PAUSE
from opsctl.lab.spec import Node, Subnet

PODS = "10.244.0.0/16"  # each node has the /24 of its number
SHARE = "/opt/lab"
VOLUMES = "/var/lib/volumes"
ADMIN = "/etc/kubernetes/admin.conf"
HOST_LABEL = "opsctl.dev/lab-node"  # on volumes: the node they lie on

PREPARE = """#!/bin/sh
# What kubelet and runc want to write stands read-only in a systemd-nspawn host.
set -eu
for group in /sys/fs/cgroup/*/; do mount -o remount,bind,rw "$group"; done
mount --make-rshared /
mkdir -p /run/opsctl-node
# kubelet finds what it would set, and so leaves the machine's own settings alone.
for pair in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
  file="/run/opsctl-node/$(basename "${pair%%=*}")"
  echo "${pair##*=}" > "$file"
  mount --bind "$file" "/proc/sys/${pair%%=*}"
done
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw /proc/sys/net
echo 1 > /proc/sys/net/ipv4/ip_forward
nft -f /etc/opsctl-node.nft
"""
PREPARE_UNIT = """[Unit]
Description=What containers need of this host
Before=containerd.service kubelet.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/opsctl-node
[Install]
WantedBy=multi-user.target
"""
KUBELET_UNIT = f"""[Unit]
Description=kubelet
Requires=opsctl-node.service
After=opsctl-node.service containerd.service network-online.target
ConditionPathExists=/var/lib/kubelet/config.yaml
StartLimitIntervalSec=0
[Service]
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart={SHARE}/bin/kubelet --config=/var/lib/kubelet/config.yaml \\
  --kubeconfig=/etc/kubernetes/kubelet.conf \\
  --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf $KUBELET_KUBEADM_ARGS
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
"""
AFTER_PREPARE = "[Unit]\nRequires=opsctl-node.service\nAfter=opsctl-node.service\n"
CONTAINERD = f"""version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
"""
# A volume whose claim is gone is emptied and offered again. No pod uses it then: the API keeps a
# claim until its last pod is gone.
RECYCLE = f"""#!/bin/bash
set -euo pipefail
export KUBECONFIG=/etc/kubernetes/volumes.conf
{SHARE}/bin/kubectl get persistentvolumes --selector {HOST_LABEL}="$(hostname)" --watch \\
  --output 'jsonpath={{.metadata.name}} {{.status.phase}} {{.spec.local.path}}{{"\\n"}}' |
while read -r name phase path; do
  [ "$phase" = Released ] || continue
  find "$path" -mindepth 1 -delete
  # Who mounted it last may have changed these.
  chown root:root "$path" && chmod 0777 "$path"
  {SHARE}/bin/kubectl patch persistentvolume "$name" --type merge \\
    --patch '{{"spec":{{"claimRef":null}}}}'
done
"""
RECYCLE_UNIT = """[Unit]
Description=Empties volumes whose claim is gone
After=network-online.target
ConditionPathExists=/etc/kubernetes/volumes.conf
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/local/sbin/opsctl-volumes
Restart=always
RestartSec=2
[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a node, as an absolute path."""

    path: str
    text: str
    mode: int = 0o644


def files(node: Node, peers: Sequence[Node], subnet: Subnet, mtu: int) -> tuple[File, ...]:
    """Every file that makes this host a node, whatever its part in the cluster."""
    units = "/etc/systemd/system"
    return (
        File("/usr/local/sbin/opsctl-node", PREPARE, 0o755),
        File("/usr/local/sbin/opsctl-volumes", RECYCLE, 0o755),
        File("/etc/opsctl-node.nft", _masquerade(node)),
        File(f"{units}/opsctl-node.service", PREPARE_UNIT),
        File(f"{units}/kubelet.service", KUBELET_UNIT),
        File(f"{units}/opsctl-volumes.service", RECYCLE_UNIT),
        File(f"{units}/containerd.service.d/opsctl.conf", AFTER_PREPARE),
        File("/etc/containerd/config.toml", CONTAINERD),
        File("/etc/cni/net.d/10-lab.conflist", _pod_network(node, mtu)),
        File("/etc/systemd/network/10-lab.network.d/pods.conf", _routes(node, peers, subnet)),
    )


def pods(node: Node) -> str:
    """The network of a node's pods."""
    return f"10.244.{node.number}.0/24"


def _masquerade(node: Node) -> str:
    return f"""table ip opsctl_node {{}}
delete table ip opsctl_node
table ip opsctl_node {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {pods(node)} ip daddr != {PODS} oifname host0 masquerade
  }}
}}
"""


def _pod_network(node: Node, mtu: int) -> str:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "hairpinMode": True,
        "mtu": mtu,
        "ipam": {
            "type": "host-local",
            "dataDir": "/run/cni-addresses",  # a host whose power was cut leaves none in use
            "ranges": [[{"subnet": pods(node)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return json.dumps({"cniVersion": "0.4.0", "name": "lab", "plugins": [bridge]}, indent=1)


def _routes(node: Node, peers: Sequence[Node], subnet: Subnet) -> str:
    """Every other node's pods are reached through that node."""
    return "".join(
        f"[Route]\nDestination={pods(peer)}\nGateway={subnet.address(peer)}\n"
        for peer in peers
        if peer != node
    )
