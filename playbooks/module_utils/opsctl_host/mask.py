"""A unit that a package brings and nobody uses here: masked, so that no boot starts it.

Masked before the package comes, or its first start would take the port. Never masked while it
runs: then somebody uses it. Unmasked once the package is gone; or when it had come before opsctl,
for then its unit was somebody's to start.
"""

from __future__ import annotations

import os

from . import places
from .found import Found
from .host import Host, Item
from .shell import run

NOTHING = "/dev/null"


def path_of(unit: str) -> str:
    return places.below(f"/etc/systemd/system/{unit}")


def observe(host: Host, item: Item) -> Found:
    path, name = path_of(item["name"]), item["name"]
    masked = os.path.islink(path) and os.readlink(path) == NOTHING
    if not masked and os.path.lexists(path):
        return Found(None, foreign=f"{path} was written by somebody else")
    state = host.unit(name)
    if state.get("ActiveState") in ("active", "activating", "reloading"):
        whose = f"{name} is running here and opsctl did not start it (pid {host.pid(name)})"
        return Found({"masked": "yes"} if masked else None, foreign=whose)
    return Found({"masked": "yes"} if masked else None)


def change(host: Host, items: list[Item]) -> None:
    for item in items:
        if brought(item["name"]):
            host.manifest.resources[item["key"]]["before"] = True
            host.manifest.save()
        places.make_folder(os.path.dirname(path_of(item["name"])))
        os.symlink(NOTHING, path_of(item["name"]))
    if any(host.unit(item["name"]).get("LoadState") == "loaded" for item in items):
        run(["systemctl", "daemon-reload"], timeout=60)
    host.forget()


def brought(unit: str) -> bool:
    """Whether a package that is installed brings the unit."""
    folders = ("/usr/lib/systemd/system", "/lib/systemd/system")
    return any(os.path.exists(places.below(f"{folder}/{unit}")) for folder in folders)


def remove(host: Host, names: list[str]) -> None:
    for name in names:
        path = path_of(name)
        stays = brought(name) and not host.manifest.entry("mask", name).get("before")
        if not stays and os.path.islink(path) and os.readlink(path) == NOTHING:
            os.unlink(path)
    run(["systemctl", "daemon-reload"], timeout=60)
    host.forget()
