"""`up`: a cluster made, or what is missing of it. Each step finds what an earlier `up` did."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import string
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from opsctl.errors import Exit, OpsError
from opsctl.lab import lab as labs
from opsctl.lab.commands import locked, until
from opsctl.lab.folder import Folder, state_root
from opsctl.lab.host import Host
from opsctl.lab.kubernetes import nodes, volumes
from opsctl.lab.kubernetes.cluster import NAME, READY_TIMEOUT, Cluster, find
from opsctl.lab.kubernetes.go import COREDNS, KUBERNETES, programs
from opsctl.lab.kubernetes.images import Archives, archives
from opsctl.lab.lab import Lab, side_by_side
from opsctl.lab.preflight import require
from opsctl.lab.spec import LabSpec

PACKAGES = (
    "containerd", "runc", "containernetworking-plugins", "nftables", "iptables", "conntrack",
    "etcd-server",
)  # fmt: skip
DISK_MIB = 16384  # sparse; images take 1 GiB of it
ON_NODES = ("kubelet", "kubeadm", "kubectl")
# A worker's fault would else take the name service with it, from every node.
DNS_PLACE = {
    "spec": {
        "replicas": 1,
        "template": {"spec": {"nodeSelector": {"node-role.kubernetes.io/control-plane": ""}}},
    }
}


def up(name: str = NAME, *, count: int = 4, progress: Callable[[str], None]) -> Cluster:
    """Make the cluster of `count` nodes, or start what is missing, and wait until it is ready.

    The first node is the control plane and takes no other pods. Raises OpsError lab/*.
    """
    spec = LabSpec(name, count, "debian-12", DISK_MIB, nested=True)
    require(nested=True)
    spec.check()
    parts = programs(progress)
    made = archives(parts, progress)
    lock = Folder(state_root() / name).lock.with_suffix(".cluster.lock")
    with locked(lock, what=f"cluster {name}", timeout=labs.UP_TIMEOUT):
        _clear_half_made(name, progress)
        cluster = Cluster(labs.up(spec, packages=PACKAGES, progress=progress))
        _share(cluster.lab, parts, made)
        _make_nodes(cluster, progress)
        progress("waiting for nodes and DNS")
        cluster.await_ready()
    progress(f"cluster {name} is up")
    return cluster


def _clear_half_made(name: str, progress: Callable[[str], None]) -> None:
    """A control plane that was never finished is made anew: that is sooner done than mended."""
    old = find(name)
    if old is not None and not old.kubeconfig.exists():
        progress(f"cluster {name} was not finished: removing it first")
        old.down()


def _share(lab: Lab, parts: dict[str, Path], made: Archives) -> None:
    """What the hosts see below /opt/lab. Raises lab/differs when the cluster is of other parts."""
    share = lab.folder.share
    version = f"{KUBERNETES.target.name} {COREDNS.target.name} {made.node.parent.name}\n"
    mark = share / "version"
    if mark.exists():
        if mark.read_text() != version:
            raise OpsError(
                "lab/differs",
                f"cluster {lab.name} was made from other programs or images",
                hint=f"opsctl lab kubernetes down --name {lab.name}",
                exit=Exit.REFUSED,
            )
        return
    wanted = [*(parts[name] for name in ON_NODES), made.node, made.control]
    for source in wanted:
        folder = share / ("images" if source.suffix == ".tar" else "bin")
        folder.mkdir(parents=True, exist_ok=True)
        _link(source, folder / source.name)
    mark.write_text(version)


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _make_nodes(cluster: Cluster, progress: Callable[[str], None]) -> None:
    lab = cluster.lab
    control, *workers = lab.parts()
    token = _token(lab)
    progress("loading images into the nodes")
    side_by_side(partial(_prepare, control), [control, *workers])
    if not cluster.kubeconfig.exists():
        progress("kubeadm init")
        _keep(cluster.kubeconfig, nodes.init(control, token))
    new = [host for host in workers if not nodes.joined(host)]
    if new:
        progress(f"kubeadm join, {len(new)} nodes")
    side_by_side(lambda host: nodes.join(host, control.address, token), workers)
    _settle(cluster, workers)


def _prepare(control: Host, host: Host) -> None:
    first = host.node == control.node
    wanted = ("node.tar", "control.tar") if first else ("node.tar",)
    nodes.prepare(host, wanted, control=first)


def _settle(cluster: Cluster, workers: Iterable[Host]) -> None:
    """What kubeadm leaves open: volumes, and DNS that no fault on a worker touches."""
    admin = cluster.kubeconfig.read_text()
    side_by_side(lambda host: nodes.recycle(host, admin), workers)
    made = volumes.objects([host.node for host in workers])
    until(cluster.answers, what="the API server to answer", timeout=READY_TIMEOUT, pause=0.5)
    how = ["--server-side", "--force-conflicts", "--field-manager=opsctl-lab", "--filename=-"]
    cluster.kubectl("apply", *how, text=made)
    dns = ["deployment/coredns", "--namespace=kube-system"]
    cluster.kubectl("patch", *dns, f"--patch={json.dumps(DNS_PLACE)}")


def _token(lab: Lab) -> str:
    """The secret with which nodes join, kept for nodes that a later `up` adds."""
    path = lab.folder.path / "join-token"
    if not path.exists():
        letters = string.ascii_lowercase + string.digits
        parts = ("".join(secrets.choice(letters) for _ in range(length)) for length in (6, 16))
        _keep(path, ".".join(parts))
    return path.read_text()


def _keep(path: Path, text: str) -> None:
    """Write a secret in one step, for root's eyes alone."""
    draft = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
