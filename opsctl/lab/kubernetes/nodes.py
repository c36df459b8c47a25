"""Making lab hosts into nodes: files, images, kubeadm. Every step finds what is done already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from opsctl.errors import OpsError
from opsctl.lab import network
from opsctl.lab.host import Host
from opsctl.lab.kubernetes import kubeadm, volumes
from opsctl.lab.kubernetes.node import ADMIN, SHARE, File, files

LOAD_TIMEOUT = 300  # seconds to load images; 10 s on an idle machine
KUBEADM_TIMEOUT = 300  # seconds; `init` took 6 s, `join` 1 s on an idle machine
RECYCLER_KEY = "/etc/kubernetes/volumes.conf"
CONFIG = "/etc/kubernetes/opsctl-kubeadm.yaml"
LOADED = "/var/lib/containerd/opsctl-loaded"


def prepare(host: Host, archives: Sequence[str], *, control: bool) -> None:
    """Write the node's files, start containerd with them, load images that are not loaded."""
    _adopt(host, files(host.node, host.record.nodes, host.record.subnet, network.mtu()))
    if not control:
        _ok(host, ["mkdir", "-p", "--mode=0777", *volumes.paths()])
        _ok(host, ["systemctl", "--quiet", "mask", "--now", "etcd.service"])
    _load(host, archives)


def init(host: Host, token: str) -> str:
    """Make this node the control plane; gives the kubeconfig of who may do everything."""
    write(host, (File(CONFIG, kubeadm.init(host.node, host.address, token), 0o600),))
    _kubeadm(host, "init")
    return _root(host).joinpath(ADMIN.lstrip("/")).read_text()


def join(host: Host, server: str, token: str) -> None:
    """Make this node a worker of the control plane at the address `server`."""
    if joined(host):
        return
    write(host, (File(CONFIG, kubeadm.join(host.node, server, token), 0o600),))
    _kubeadm(host, "join")


def joined(host: Host) -> bool:
    """Whether the node has credentials of its own."""
    return _root(host).joinpath("etc/kubernetes/kubelet.conf").exists()


def recycle(host: Host, kubeconfig: str) -> None:
    """Let the worker empty volumes whose claim is gone."""
    if write(host, (File(RECYCLER_KEY, kubeconfig, 0o600),)):
        _ok(host, ["systemctl", "--quiet", "enable", "opsctl-volumes.service"])
        _ok(host, ["systemctl", "restart", "opsctl-volumes.service"])


def write(host: Host, wanted: Sequence[File]) -> bool:
    """Write files that differ, each in one step; gives whether any did."""
    differing = [file for file in wanted if not _same(host, file)]
    for file in differing:
        path = _root(host) / file.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, file.mode)
        with os.fdopen(descriptor, "w") as out:
            out.write(file.text)
        draft.chmod(file.mode)
        draft.replace(path)
    return bool(differing)


def _adopt(host: Host, wanted: Sequence[File]) -> None:
    changed = write(host, wanted)
    if not changed and _active(host, "opsctl-node.service"):
        return
    _ok(host, ["systemctl", "daemon-reload"])
    _ok(host, ["systemctl", "--quiet", "enable", "opsctl-node.service", "kubelet.service"])
    _ok(host, ["systemctl", "start", "opsctl-node.service"])
    _ok(host, ["networkctl", "reload"])
    _ok(host, ["systemctl", "restart", "containerd.service"])
    links = " ".join(f"{SHARE}/bin/{name}" for name in ("kubelet", "kubeadm", "kubectl"))
    _ok(host, ["sh", "-c", f"ln -sf {links} /usr/local/bin/"])


def _active(host: Host, unit: str) -> bool:
    return host.exec(["systemctl", "--quiet", "is-active", unit]).returncode == 0


def _load(host: Host, archives: Sequence[str]) -> None:
    """Load archives of the share; a mark on the disk of containerd tells which are loaded."""
    for name in archives:
        mark = f"{LOADED}-{name}"
        if host.exec(["test", "-e", mark]).returncode:
            argv = ["ctr", "-n", "k8s.io", "images", "import", f"{SHARE}/images/{name}"]
            _ok(host, argv, timeout=LOAD_TIMEOUT)
            _ok(host, ["touch", mark])


def _kubeadm(host: Host, what: str) -> None:
    _ok(host, ["kubeadm", what, f"--config={CONFIG}"], timeout=KUBEADM_TIMEOUT)


def _ok(host: Host, argv: Sequence[str], *, timeout: float = 60) -> None:
    done = host.exec(argv, timeout=timeout)
    if done.returncode:
        raise OpsError(
            "lab/node",
            f"{' '.join(argv[:2])} ended with {done.returncode}",
            where=f"host {host.node.name}",
            details=tuple((done.stderr or done.stdout).strip().splitlines()[-15:]),
        )


def _same(host: Host, file: File) -> bool:
    path = _root(host) / file.path.lstrip("/")
    try:
        return path.read_text() == file.text
    except FileNotFoundError:
        return False


def _root(host: Host) -> Path:
    """The host's root as the machine sees it. Raises lab/not-running."""
    init_process = host.init()
    if init_process is None:
        raise OpsError("lab/not-running", "the host is off", where=f"host {host.node.name}")
    return Path(f"/proc/{init_process}/root")
