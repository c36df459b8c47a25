"""ConfigMap: the member's files without secrets, and how to put all of them in place."""

from __future__ import annotations

from opsctl.targets.kubernetes.holding import script
from opsctl.targets.kubernetes.scripts import INSTALL
from opsctl.targets.kubernetes.site import Manifest, Placed
from opsctl.targets.kubernetes.sources import (
    ADDRESSES,
    FILES,
    SCRIPT,
    addresses,
    sources,
    table,
)


def config_map(placed: Placed) -> Manifest:
    """The ConfigMap of one member."""
    plain = {
        source.key: placed.site.masked(source.file.text)
        for source in sources(placed.member)
        if not source.secret
    }
    own = {ADDRESSES: addresses(placed), FILES: table(placed.member), SCRIPT: INSTALL}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": placed.site.metadata(placed.name, placed.labels),
        "data": plain | own | script(placed.workload),
    }
