"""The programs of Kubernetes, and one that is tried on it, built once from the Go modules in
`parts/`. No package has them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsctl.errors import Exit, OpsError
from opsctl.lab.commands import locked, run
from opsctl.lab.folder import cache_root

VERSION = "v1.36.3"
DNS_VERSION = "v1.14.2"
BUILD_TIMEOUT = 3600  # seconds per program; the first took 200 s on two idle cores
OLDEST_GO = (1, 21)  # the first that fetches the newer Go which go.mod asks for
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

    Raises lab/missing-tool without a fit Go, lab/parts with the compiler's last lines.
    """
    module = next(module for module in MODULES if name in module.programs)
    target = module.target / name
    if target.exists():
        return target
    with locked(module.target.with_suffix(".lock"), what=f"building {name}", timeout=BUILD_TIMEOUT):
        if not target.exists():
            require_go()
            progress(f"building {name} (once, some minutes)")
            _build(module, name, target)
    return target


def require_go() -> None:
    """Raise lab/missing-tool when there is no Go, or one that can't fetch the right one."""
    if shutil.which("go") is None:
        raise _no_go("Go is not installed", "apt-get install golang-go")
    said = run(["go", "env", "GOVERSION"], what="asking Go for its version").stdout
    if go_version(said) < OLDEST_GO:
        wanted = ".".join(map(str, OLDEST_GO))
        raise _no_go(
            f"{said.strip()} is too old: {wanted} or newer builds Kubernetes",
            "apt-get install golang-go on Debian 13, or put a newer go on PATH",
        )


def go_version(said: str) -> tuple[int, int]:
    """ "go1.26.1" as (1, 26); (0, 0) for what is no version."""
    found = re.search(r"go(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _no_go(message: str, hint: str) -> OpsError:
    return OpsError("lab/missing-tool", message, hint=hint, exit=Exit.REFUSED)


def _build(module: Module, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{name}.new")
    package = module.programs[name]
    try:
        done = subprocess.run(
            ["go", "build", "-trimpath", "-ldflags", module.linker, "-o", str(draft), package],
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
