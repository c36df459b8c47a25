"""ConfigMap: the member's files without secrets, and how to put all of them in place."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.targets.kubernetes.holding import script
from opsctl.targets.kubernetes.scripts import INSTALL
from opsctl.targets.kubernetes.site import Manifest, Placed
from opsctl.targets.kubernetes.sources import (
    ADDRESSES,
    FILES,
    SCRIPT,
    SHELVES,
    addresses,
    sources,
    table,
)


def config_map(placed: Placed) -> Manifest:
    """The ConfigMap of one member, less the files that are many."""
    own = {ADDRESSES: addresses(placed), FILES: table(placed.member), SCRIPT: INSTALL}
    return _holding(placed, placed.name, _plain(placed, 0) | own | script(placed.workload))


def further_maps(placed: Placed) -> Iterator[Manifest]:
    """Those of files that are many; only such as hold any."""
    for shelf, name in enumerate(shelf_names(placed), start=1):
        if texts := _plain(placed, shelf):
            yield _holding(placed, name, texts)


def shelf_names(placed: Placed) -> tuple[str, ...]:
    """What such ConfigMaps may be called; none for who has no such files."""
    if not any(source.shelf for source in sources(placed.member)):
        return ()
    return tuple(f"{placed.name}-more-{shelf}" for shelf in range(1, SHELVES + 1))


def _plain(placed: Placed, shelf: int) -> dict[str, str]:
    return {
        source.key: placed.site.masked(source.file.text)
        for source in sources(placed.member)
        if not source.secret and source.shelf == shelf
    }


def _holding(placed: Placed, name: str, texts: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": placed.site.metadata(name, placed.labels),
        "data": texts,
    }
