"""A member's folder: its configuration or its data."""

from __future__ import annotations

import contextlib
import os

from . import facts, places
from .found import Found
from .host import Host, Item
from .shell import RefusedError


def observe(host: Host, item: Item) -> Found:
    path = places.below(item["name"])
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return Found(None)
    if not os.path.isdir(path) or os.path.islink(path):
        return Found(None, foreign=f"{item['name']} is not a folder")
    foreign = host.foreign(item, f"{item['name']} is not empty and opsctl did not make it")
    if foreign and os.listdir(path):
        return Found(None, foreign=foreign)
    owner = places.owner_of(found, str(item["desired"].get("owner", "")))
    return Found({"owner": owner, "mode": places.mode_of(found)})


def change(host: Host, items: list[Item]) -> None:
    """Make them. Raises hosts/mount-missing where a mount is asked for and nothing is mounted."""
    for item in items:
        mount = item["spec"].get("mount", "")
        if mount and not facts.mounted(mount):
            raise RefusedError(
                "hosts/mount-missing",
                f"nothing is mounted at {mount}, so {item['name']} would lie on the wrong disk",
                f"mount it (findmnt {mount}), or leave out storage.require_mount",
            )
        path = places.below(item["name"])
        uid, gid = places.ids(item["desired"]["owner"])
        places.make_folder(path, 0o700)
        os.chown(path, uid, gid)
        os.chmod(path, int(item["desired"]["mode"], 8))
    host.forget()


def remove(host: Host, names: list[str]) -> None:
    """Remove folders with all that is in them, and the empty ones above that opsctl made.

    A folder that is itself a mount point is emptied.
    """
    import shutil  # only here: its import costs every look some milliseconds

    for name in names:
        path = places.below(name)
        if not os.path.isdir(path):
            continue
        for entry in os.scandir(path):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
        if not os.path.ismount(path):
            os.rmdir(path)
            prune(host, os.path.dirname(path))


def prune(host: Host, path: str) -> None:
    """Remove empty folders upwards, up to the environment's own; not those the manifest names.
    Of what lies among systemd's units only the folder of a unit's drop-ins is ours."""
    environment = host.environment["name"]
    dropins = places.below(f"{places.UNITS}/opsctl-{environment}-")
    named = {places.below(key.split("|", 2)[2]) for key in host.manifest.resources}
    while (
        path not in named
        and (f"/{environment}" in path or path.startswith(dropins))
        and not os.path.ismount(path)
    ):
        with contextlib.suppress(OSError):
            os.rmdir(path)
        if os.path.isdir(path):
            return
        path = os.path.dirname(path)
    with contextlib.suppress(OSError):
        os.rmdir(places.below("/etc/opsctl"))  # with the last environment
