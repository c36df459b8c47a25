"""The images that nodes load: those of Kubernetes, and one Debian root for all engines."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.lab import images as roots
from opsctl.lab.commands import locked, run
from opsctl.lab.folder import cache_root
from opsctl.lab.kubernetes import archive
from opsctl.lab.kubernetes.archive import Image, Layer
from opsctl.lab.kubernetes.go import COREDNS, DNS_VERSION, KUBERNETES, SOURCES, VERSION

REGISTRY = "opsctl.lab"  # a name only: every image is loaded, none is fetched
PAUSE = f"{REGISTRY}/pause:1"
RECIPE = "1"  # raise when the text below changes what is in an image
BUILD_TIMEOUT = 1800  # seconds
PROXY_PACKAGES = ("nftables", "conntrack", "kmod")
SHELL_PACKAGES = ("python3-minimal", "libpython3-stdlib", "procps", "iproute2", "openssl")


@dataclass(frozen=True, slots=True)
class Archives:
    """What every node loads, and what only the one with the control plane does."""

    node: Path
    control: Path


def archives(programs: dict[str, Path], progress: Callable[[str], None]) -> Archives:
    """The archives, made first when the cache lacks them. Raises lab/missing-tool, lab/image."""
    engines = _engines()
    root = engines_root(progress)
    folder = cache_root() / "kubernetes" / f"images-{_key(root, engines)}"
    made = Archives(folder / "node.tar", folder / "control.tar")
    with locked(folder.with_suffix(".lock"), what="the cluster's images", timeout=BUILD_TIMEOUT):
        if not made.control.exists():
            progress("making the cluster's images (once)")
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                below = Path(scratch)
                archive.write(_node_images(programs, root, engines, below), made.node)
                archive.write(_control_images(programs, below), made.control)
    return made


def engines_root(progress: Callable[[str], None]) -> Path:
    """The Debian that every engine's pods have, as a folder, made first when the cache lacks it.
    Raises as `archives`."""
    packages = (*PROXY_PACKAGES, *SHELL_PACKAGES, *_engines()["packages"])
    return roots.image("debian-13", packages, cache_root(), progress, bare=True)


def _engines() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SOURCES / "engines.json").read_text())
    return found


def _key(root: Path, engines: dict[str, Any]) -> str:
    pause = (SOURCES / "pause.c").read_text()
    parts = [RECIPE, root.name, KUBERNETES.target.name, COREDNS.target.name, pause, str(engines)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _node_images(
    programs: dict[str, Path], root: Path, engines: dict[str, Any], scratch: Path
) -> list[Image]:
    debian = _root_layer(root, scratch / "debian.tar")
    at = "/usr/local/bin/kube-proxy"
    proxy = archive.program_layer(programs["kube-proxy"], at, scratch / "kube-proxy.tar")
    pause = archive.program_layer(_pause(scratch), "/pause", scratch / "pause.tar")
    return [
        Image((PAUSE,), (pause,), ("/pause",)),
        Image((f"{REGISTRY}/kube-proxy:{VERSION}",), (debian, proxy)),
        Image(tuple(full_name(name) for name in engines["images"]), (debian,)),
    ]


def _control_images(programs: dict[str, Path], scratch: Path) -> list[Image]:
    """Static programs and nothing else."""
    versions = {
        "kube-apiserver": VERSION,
        "kube-controller-manager": VERSION,
        "kube-scheduler": VERSION,
        "coredns": DNS_VERSION,
    }
    found = []
    for name, version in versions.items():
        at = f"/usr/local/bin/{name}"
        only = archive.program_layer(programs[name], at, scratch / f"{name}.tar")
        found.append(Image((f"{REGISTRY}/{name}:{version}",), (only,), (at,)))
    return found


def full_name(name: str) -> str:
    """An image's name as containerd keeps it: a short one belongs to Docker's library."""
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first else f"docker.io/{name}"


def _root_layer(root: Path, out: Path) -> Layer:
    left_out = [f"--exclude=./{path}/*" for path in ("dev", "var/cache/apt", "var/lib/apt/lists")]
    argv = ["tar", "--numeric-owner", "-C", str(root), *left_out, "-cf", str(out), "."]
    run(argv, what="packing the engines' image", timeout=300)
    return archive.layer(out)


def _pause(scratch: Path) -> Path:
    if shutil.which("gcc") is None:
        raise OpsError(
            "lab/missing-tool",
            "this machine lacks gcc",
            hint="apt-get install gcc libc6-dev",
            exit=Exit.REFUSED,
        )
    out = scratch / "pause"
    argv = ["gcc", "-Os", "-static", "-o", str(out), str(SOURCES / "pause.c")]
    run(argv, what="compiling pause", timeout=60)
    return out
