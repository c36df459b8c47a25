"""The namespace: made where it is missing, left as it is where it is there."""

from __future__ import annotations

from typing import Final

from opsctl.errors import OpsError
from opsctl.targets.kubernetes.agents import namespace_manifest
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.live import leaving
from opsctl.targets.kubernetes.refusals import terminating
from opsctl.targets.kubernetes.site import Manifest, Site

LABELS: Final = {
    "app.kubernetes.io/managed-by": "opsctl",
    "pod-security.kubernetes.io/enforce": "restricted",
}


def _manifest(site: Site) -> Manifest:
    if site.agents:
        return namespace_manifest(site)
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": site.namespace, "labels": LABELS},
    }


def missing(api: Api) -> bool:
    """Whether there is none for certain: who may not read it works in one that somebody made."""
    try:
        return api.get(KINDS["Namespace"].path("", api.namespace)) is None
    except OpsError as error:
        if error.code == "kubernetes/forbidden":
            return False
        raise


def ensure(api: Api, site: Site) -> bool:
    """Whether it was made. Labels of one that is there are others' business. Raises
    kubernetes/terminating, or /forbidden with the rule that is missing."""
    try:
        found = api.get(KINDS["Namespace"].path("", site.namespace))
    except OpsError as error:
        if error.code == "kubernetes/forbidden":
            return False  # who may not read it works in one that somebody made
        raise
    if found is not None:
        if leaving(found):
            raise terminating(site.where)
        return False
    try:
        api.create(KINDS["Namespace"].path(""), _manifest(site))
    except OpsError as error:
        if error.code == "kubernetes/exists":
            return False
        raise
    return True
