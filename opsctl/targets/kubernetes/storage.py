"""Where a member's files and data live: claims, volumes of the pod, mounts of its containers."""

from __future__ import annotations

from typing import Final

from opsctl.errors import OpsError
from opsctl.targets.kubernetes.configmap import shelf_names
from opsctl.targets.kubernetes.secret import secret_sources
from opsctl.targets.kubernetes.site import (
    CONFIG,
    NODE,
    RUN,
    SOURCES,
    STORE,
    Manifest,
    Placed,
    Site,
    quantity,
)
from opsctl.workload import Member, Volume

# A claim can't be without a size. Left out of the spec it is this, and never follows from another
# setting: a claim that shrinks or grows by surprise is refused by the cluster or costs money.
DEFAULT_SIZE: Final = 8 * 1024**3  # bytes

DATA_CLAIM: Final = "data"


def data_volume(member: Member) -> int | None:
    """Bytes; None for no volume. One claim holds all volumes and seeded files of the member."""
    volumes = tuple(volume for part in member.components for volume in part.volumes)
    if not volumes and not _seeded(member):
        return None
    for volume in volumes:
        _check(member, volume)
    sizes = [volume.size for volume in volumes if volume.size is not None]
    return sum(sizes) or DEFAULT_SIZE


def _check(member: Member, volume: Volume) -> None:
    if volume.path != STORE and not volume.path.startswith(f"{STORE}/"):
        raise OpsError(
            "kubernetes/volume-path",
            f"data must live below {STORE} on Kubernetes, not at {volume.path}",
            where=f"member {member.name}",
            hint="leave storage.path out; storage.size says how big the volume is",
        )


def _seeded(member: Member) -> tuple[str, ...]:
    files = (file for part in member.components for file in part.all_files)
    return tuple(file.path for file in files if file.life == "seeded")


def _config_kept(member: Member) -> bool:
    """A seeded file among the configuration must survive the pod, so all of it does."""
    return any(path.startswith(f"{CONFIG}/") for path in _seeded(member))


def claims(placed: Placed) -> list[Manifest]:
    """The volumeClaimTemplates of the member's StatefulSet, with what the cluster would fill in:
    the list is one field, and whoever applies another value of it meets who applied it before."""
    requests = data_volume(placed.member)
    if requests is None:
        return []
    spec = claim_spec(placed.site, requests)
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": DATA_CLAIM, "labels": placed.labels},
            "spec": spec | {"volumeMode": "Filesystem"},
            "status": {"phase": "Pending"},
        }
    ]


def claim_spec(site: Site, size: int) -> Manifest:
    """A claim of so many bytes, of the class that the target's options name."""
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": quantity(size)}},
    }
    if site.options.storage_class is not None:
        spec["storageClassName"] = site.options.storage_class
    return spec


def volumes(placed: Placed) -> list[Manifest]:
    """What the pod mounts besides its claim."""
    sources: list[Manifest] = [{"configMap": {"name": placed.name}}]
    if secret_sources(placed):
        sources.append({"secret": {"name": placed.name}})
    # All that there may be, so that one that comes or goes replaces no pod.
    further = ({"name": name, "optional": True} for name in shelf_names(placed))
    sources += [{"configMap": one} for one in further]
    found: list[Manifest] = [
        {"name": "files", "projected": {"defaultMode": 0o440, "sources": sources}},
        {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    if not _config_kept(placed.member):  # in memory: some of it is secret
        found.append({"name": "config", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}})
    return found


def node_volumes(placed: Placed) -> list[Manifest]:
    """All that an agent sees of its node."""
    whole = {"path": "/", "type": ""}
    return [{"name": "node", "hostPath": whole}] if placed.site.agents else []


def node_mounts(placed: Placed) -> list[Manifest]:
    """Read only; what is mounted on the node later is seen too."""
    if not placed.site.agents:
        return []
    return [
        {
            "name": "node",
            "mountPath": NODE,
            "readOnly": True,
            "mountPropagation": "HostToContainer",
        }
    ]


def mounts(member: Member) -> list[Manifest]:
    """The same for every container of the pod."""
    config: Manifest = {"name": "config", "mountPath": CONFIG}
    if _config_kept(member):
        config = {"name": DATA_CLAIM, "mountPath": CONFIG, "subPath": "config"}
    found: list[Manifest] = [
        {"name": "files", "mountPath": SOURCES, "readOnly": True},
        config,
        {"name": "run", "mountPath": RUN},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own, nobody shares it
    ]
    if data_volume(member) is not None:
        found.append({"name": DATA_CLAIM, "mountPath": STORE})
    return found
