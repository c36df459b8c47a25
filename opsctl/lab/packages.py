"""Downloaded packages, kept from one lab to the next.

Each lab sees a snapshot (hard links) as an overlay layer below /var/cache/apt/archives. So every
host has apt's lock for itself, and no layer changes below a mounted overlay.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

ARCHIVES = Path("var/cache/apt/archives")


def store(cache: Path, system: str) -> Path:
    """Where packages of a system are kept."""
    return cache / "debs" / system


def snapshot(cache: Path, system: str, layer: Path) -> None:
    """Make the lab's layer from what is kept now, unless the lab has one."""
    if layer.exists():
        return
    draft = layer.with_name(f"{layer.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / ARCHIVES).mkdir(parents=True)
    for deb in store(cache, system).glob("*.deb"):
        _link(deb, draft / ARCHIVES / deb.name)
    draft.rename(layer)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def keep(cache: Path, system: str, archives: Path) -> int:
    """Copy packages that a host downloaded into the store; gives how many were new."""
    target = store(cache, system)
    target.mkdir(parents=True, exist_ok=True)
    new = 0
    for deb in archives.glob("*.deb"):
        if deb.is_symlink() or not deb.is_file() or (target / deb.name).exists():
            continue
        draft = target / f".{deb.name}.{os.getpid()}"
        shutil.copyfile(deb, draft)
        draft.rename(target / deb.name)
        new += 1
    return new
