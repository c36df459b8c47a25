"""StatefulSet: one per member, replaced only when opsctl deletes its pod."""

from __future__ import annotations

from opsctl.targets.kubernetes.fingerprints import digest
from opsctl.targets.kubernetes.pod import pod_spec
from opsctl.targets.kubernetes.site import STARTED_WITH, Manifest, Placed, group_name
from opsctl.targets.kubernetes.sources import sources
from opsctl.targets.kubernetes.storage import claims
from opsctl.workload import Text


def stateful_set(placed: Placed) -> Manifest:
    """The member's StatefulSet.

    Its pod template carries a fingerprint of everything that a process starts with: a pod whose
    own differs was started with something else and is due for a restart.
    """
    spec = pod_spec(placed)
    metadata = {"labels": placed.labels, "annotations": {STARTED_WITH: started_with(placed, spec)}}
    manifest: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": placed.site.metadata(placed.name, placed.labels),
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 3,
            "serviceName": group_name(placed.workload, placed.group),
            "selector": {"matchLabels": placed.selector},
            "updateStrategy": {"type": "OnDelete"},
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": "Retain",
                "whenScaled": "Retain",
            },
            "template": {"metadata": metadata, "spec": spec},
        },
    }
    if claimed := claims(placed):
        manifest["spec"]["volumeClaimTemplates"] = claimed
    return manifest


def started_with(placed: Placed, spec: Manifest) -> str:
    """A fingerprint of the pod and the files read at start, secrets by name: it needs no key."""
    files = [
        (source.file.path, source.file.mode, placed.site.masked(source.file.text))
        for source in sources(placed.member)
        if source.at_start
    ]
    return digest([spec, files])


def start_secrets(placed: Placed) -> tuple[Text, ...]:
    """The files with secrets that a process reads only when it starts."""
    return tuple(
        source.file.text for source in sources(placed.member) if source.secret and source.at_start
    )
