"""What a unit's processes hold that the kernel can't take back."""

from __future__ import annotations

import re

from . import places
from .host import Host
from .shell import RefusedError

HELD = ("anon", "shmem")  # the rest of a unit's memory is a cache of files, and is dropped


def refuse_less(host: Host, unit: str, text: str) -> None:
    """Raises hosts/memory-in-use when `text` bounds the unit's memory below what it holds: as soon
    as systemd reads that, the kernel would end the process."""
    bound = re.search(r"^MemoryMax=(\d+)$", text, re.MULTILINE)
    held = _held(host.unit(unit).get("ControlGroup", ""))
    if bound and held > int(bound[1]):
        raise RefusedError(
            "hosts/memory-in-use",
            f"{unit} holds {held >> 20} MiB, so it can't be bounded to {int(bound[1]) >> 20} MiB: "
            "the kernel would end it",
            "ask for more memory; or let it hold less first (evict, delete), then apply again",
        )


def _held(group: str) -> int:
    """Bytes; 0 for a unit that does not run and where memory is not counted."""
    try:
        with open(places.below(f"/sys/fs/cgroup{group}/memory.stat"), encoding="utf-8") as file:
            counts = dict(line.split() for line in file)
    except OSError:
        return 0
    return sum(int(counts.get(name, 0)) for name in HELD) if group else 0
