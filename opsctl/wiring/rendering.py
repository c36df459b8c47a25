"""Everything written out as files, for `opsctl render`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.errors import Exit, OpsError
from opsctl.flow.parts import Parts
from opsctl.wiring.safe import vault_password

if TYPE_CHECKING:
    from opsctl.targets.kubernetes import KubernetesTarget


def render_ansible(parts: Parts, folder: Path) -> tuple[Path, ...]:
    """A project that plain ansible-playbook runs to the same state; gives the files written.

    Secret values are encrypted with the environment's vault password; without one they are left
    out, and the project's README names them. Raises OpsError `render/no-hosts`.
    """
    from opsctl.flow.survey import described
    from opsctl.targets.hosts import HostsTarget
    from opsctl.targets.hosts.rendering import render_project

    targets = [one for one in parts.targets.values() if isinstance(one, HostsTarget)]
    if not targets:
        raise OpsError(
            "render/no-hosts",
            "no target of this environment is made of hosts",
            hint="`opsctl render kubernetes DIR` writes manifests",
            exit=Exit.INPUT,
        )
    _, resources = described(parts)
    password = vault_password(parts.environment)
    written: list[Path] = []
    for target in targets:
        mine = [item for item in resources if item.id.where.startswith(f"{target.name}/")]
        below = folder if len(targets) == 1 else folder / target.name
        written += render_project(target, mine, below, password)
    return tuple(written)


def render_kubernetes(parts: Parts, folder: Path) -> tuple[Path, ...]:
    """Plain manifests with a kustomization, never with secret values; gives the files written.

    One folder below `folder` for every Kubernetes target. Raises OpsError `render/no-cluster`.
    """
    from opsctl.flow.survey import described
    from opsctl.targets.kubernetes import render_manifests

    clusters = list(_clusters(parts))
    _, resources = described(parts)
    written: list[Path] = []
    for name in clusters:
        mine = [item for item in resources if item.id.where.startswith(f"{name}/")]
        below = folder if len(clusters) == 1 else folder / name
        written += render_manifests(mine, below)
    return tuple(written)


def render_rbac(parts: Parts) -> str:
    """The roles of all Kubernetes targets, as YAML documents. Raises `render/no-cluster`."""
    from opsctl.targets.kubernetes import render_roles

    return render_roles([target.namespace for target in _clusters(parts).values()])


def render_dashboards(parts: Parts, folder: Path) -> tuple[Path, ...]:
    """Files for Grafana's provisioning, without any secret; gives the files written.

    Dashboards of services that are gone from the spec are removed from `folder`.
    """
    from opsctl.flow.dashboards import provisioned
    from opsctl.monitoring.dashboards.naming import stem
    from opsctl.wiring.watching import boards, units

    written = _write(provisioned(parts, boards(), units()), folder)
    own = f'"uid": "{stem(parts.environment.id)}'
    _remove_gone(folder.glob("dashboards/*.json"), written, (own,))
    return written


def render_monitoring(parts: Parts, folder: Path) -> tuple[Path, ...]:
    """What a Prometheus that others run includes, without any secret; gives the files written.

    Targets and rules of services that are gone from the spec are removed from `folder`. Raises
    OpsError `monitoring/none`.
    """
    from opsctl.flow.handing_over import for_prometheus

    written = _write(for_prometheus(parts, str(folder.absolute())), folder)
    name = parts.environment.name
    own = (f'"environment": "{name}"', f'environment: "{name}"', f"environment: {name}\n")
    kinds = ("targets/*.json", "rules/*.yaml", "podmonitor-*.yaml", "prometheusrule-*.yaml")
    _remove_gone((path for kind in kinds for path in folder.glob(kind)), written, own)
    return written


def _write(files: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """By path below `folder`; gives the files written."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tuple(folder / name for name in files)


def _remove_gone(there: Iterable[Path], written: Sequence[Path], own: Sequence[str]) -> None:
    """Removes what an earlier call wrote and this one did not; that a file is this environment's,
    one of its `own` words in it says."""
    for path in tuple(there):
        if path not in written and any(words in path.read_text() for words in own):
            path.unlink()


def _clusters(parts: Parts) -> Mapping[str, KubernetesTarget]:
    from opsctl.targets.kubernetes import KubernetesTarget

    found = {name: one for name, one in parts.targets.items() if isinstance(one, KubernetesTarget)}
    if not found:
        raise OpsError(
            "render/no-cluster",
            "no target of this environment is a Kubernetes cluster",
            hint="add one to `targets:`, such as {kubernetes: {namespace: shop}}",
            exit=Exit.INPUT,
        )
    return found
