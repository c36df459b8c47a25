"""The programs of Kubernetes, and one that is tried on it, built once from the Go modules in
`parts/`. No package has them."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsctl.errors import OpsError
from opsctl.lab.commands import locked
from opsctl.lab.folder import cache_root
from opsctl.lab.kubernetes.compiler import compiler

VERSION = "v1.36.3"
DNS_VERSION = "v1.14.2"
BUILD_TIMEOUT = 3600  # seconds per program; the first took 200 s on two idle cores
SOURCES = Path(__file__).resolve().parent / "parts"


@dataclass(frozen=True, slots=True)
class Module:
    """A folder below parts/ with a go.mod, and the programs that are built from it, by package."""

    name: str
    programs: dict[str, str]
    linker: str = "-s -w"

    @property
    def target(self) -> Path:
        """Where its programs are kept; another folder as soon as go.mod says something else."""
        said = (SOURCES / self.name / "go.mod").read_bytes()
        digest = hashlib.sha256(said).hexdigest()[:12]
        return cache_root() / "kubernetes" / f"{self.name}-{digest}"


# kube-apiserver is first: some tests need nothing else.
KUBERNETES = Module(
    "kubernetes",
    {
        name: f"k8s.io/kubernetes/cmd/{name}"
        for name in (
            "kube-apiserver", "kubectl", "kube-controller-manager", "kube-scheduler",
            "kubelet", "kubeadm", "kube-proxy",
        )
    },
    "-s -w"
    f" -X k8s.io/component-base/version.gitVersion={VERSION}"
    " -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36",
)  # fmt: skip
COREDNS = Module("coredns", {"coredns": "github.com/coredns/coredns"})
CLUSTER = (KUBERNETES, COREDNS)
# Tests run it beside what `render monitoring` writes for it; no cluster has it. From nothing: 400 s
# of CPU, seen once.
OPERATOR = Module(
    "prometheus-operator",
    {"prometheus-operator": "github.com/prometheus-operator/prometheus-operator/cmd/operator"},
)
MODULES = (*CLUSTER, OPERATOR)


def programs(progress: Callable[[str], None]) -> dict[str, Path]:
    """Every program of a cluster, those that are missing built first (7 to 15 minutes, once)."""
    return {name: program(name, progress) for module in CLUSTER for name in module.programs}


def program(name: str, progress: Callable[[str], None]) -> Path:
    """One program's file, built first when the cache lacks it.

    Raises lab/missing-tool without Go, lab/parts with the compiler's last lines.
    """
    module = next(module for module in MODULES if name in module.programs)
    target = module.target / name
    if target.exists():
        return target
    with locked(module.target.with_suffix(".lock"), what=f"building {name}", timeout=BUILD_TIMEOUT):
        if not target.exists():
            progress(f"building {name} (once, some minutes)")
            _build(module, name, target)
    return target


def _build(module: Module, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{name}.new")
    package, go = module.programs[name], compiler(SOURCES / module.name)
    try:
        done = subprocess.run(
            [str(go), "build", "-trimpath", "-ldflags", module.linker, "-o", str(draft), package],
            cwd=SOURCES / module.name,
            env={**os.environ, "CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"building {name} took longer than {BUILD_TIMEOUT} s"
        raise OpsError("lab/timeout", message) from error
    if done.returncode:
        raise OpsError(
            "lab/parts",
            f"Go could not build {name}",
            where=str(SOURCES / module.name),
            hint="see its last lines; can Go reach its module proxy?",
            details=tuple(done.stderr.strip().splitlines()[-15:]),
        )
    draft.replace(target)
