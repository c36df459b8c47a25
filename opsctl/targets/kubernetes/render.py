"""Manifests as files that work without opsctl: YAML, a kustomization, a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from opsctl.errors import Exit, OpsError
from opsctl.planning.resource import Resource
from opsctl.targets.kubernetes.rbac import roles
from opsctl.targets.kubernetes.readme import readme
from opsctl.targets.kubernetes.site import Payload
from opsctl.targets.kubernetes.yaml_text import yaml_text

_HEADER: Final = "# Written by `opsctl render kubernetes`; it will be overwritten.\n"
# Values of secrets must not be written; pods come from what is.
_LEFT_OUT: Final = frozenset({"Secret", "Pod"})
_KUSTOMIZATION: Final = "kustomization.yaml"


def render_manifests(resources: Sequence[Resource], directory: Path) -> tuple[Path, ...]:
    """Writes what `KubernetesTarget.realise` gave below `directory`; gives the files written.

    Secrets are left out: the README says which must exist. Files of an earlier render that are not
    part of this one are removed. Raises OpsError when the directory holds something else's
    kustomization.
    """
    files = manifest_files(resources)
    _clear(directory)
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tuple(directory / name for name in files)


def render_roles(namespaces: Sequence[str]) -> str:
    """What accounts must be allowed to do in these namespaces, as YAML documents."""
    known = [role for namespace in namespaces for role in roles(namespace)]
    once = dict.fromkeys(yaml_text(role) for role in known)
    return "---\n".join(once).rstrip()


def manifest_files(resources: Sequence[Resource]) -> dict[str, str]:
    """What `render_manifests` writes: text by path below the directory."""
    home = resources[0].id.where if resources else ""
    shown = {_path(one, home): _manifest(one) for one in resources if one.id.kind not in _LEFT_OUT}
    listed = yaml_text(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": list(shown),
        }
    )
    return {_KUSTOMIZATION: _HEADER + listed, "README.md": readme(resources), **shown}


def _manifest(resource: Resource) -> str:
    if not isinstance(resource.payload, Payload):
        raise TypeError(f"{resource.id} is not of a Kubernetes target")
    return yaml_text(resource.payload.manifest)


def _path(resource: Resource, home: str) -> str:
    """What is not in the services' own namespace lies in a folder of its namespace's name."""
    where = resource.id.where
    room = "" if where == home else f"{where.rpartition('/')[2]}/"
    return f"{resource.service}/{room}{resource.id.kind.lower()}-{resource.id.name}.yaml"


def _clear(directory: Path) -> None:
    """Removes the files that an earlier render listed, and nothing that anybody else put there."""
    kustomization = directory / _KUSTOMIZATION
    if not kustomization.exists():
        return
    text = kustomization.read_text(encoding="utf-8")
    if not text.startswith(_HEADER):
        raise OpsError(
            "render/not-ours",
            "this kustomization was not written by opsctl and is left alone",
            where=str(kustomization),
            hint="name another directory",
            exit=Exit.REFUSED,
        )
    listed = [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]
    for path in (directory / name for name in listed):
        if path.resolve().is_relative_to(directory.resolve()):
            path.unlink(missing_ok=True)
