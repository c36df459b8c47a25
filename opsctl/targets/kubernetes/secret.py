"""Secret: the member's files that hold secrets. Values are filled in when it is applied."""

from __future__ import annotations

from opsctl.targets.kubernetes.site import Manifest, Placed
from opsctl.targets.kubernetes.sources import Source, sources


def secret_sources(placed: Placed) -> tuple[Source, ...]:
    return tuple(source for source in sources(placed.member) if source.secret)


def secret(placed: Placed) -> Manifest | None:
    """The Secret of one member with its keys' texts masked; None where nothing is secret."""
    found = secret_sources(placed)
    if not found:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": placed.site.metadata(placed.name, placed.labels),
        "type": "Opaque",
        "stringData": {source.key: placed.site.masked(source.file.text) for source in found},
    }
