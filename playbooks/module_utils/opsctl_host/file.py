"""A file. Managed: every byte is ours. Seeded: written once, then the server's own."""

from __future__ import annotations

import contextlib
import os
import stat

from . import directory, fingerprint, places
from .found import Found
from .host import Host, Item

LARGEST = 4 << 20  # bytes read and compared


def observe(host: Host, item: Item) -> Found:
    path, spec, desired = places.below(item["name"]), item["spec"], item["desired"]
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Found(None)
    if not stat.S_ISREG(found.st_mode):
        return Found(None, foreign=f"{item['name']} is not a plain file")
    foreign = "" if host.owns(item) else f"{item['name']} is there and opsctl did not write it"
    if spec.get("seeded"):
        return Found({"present": "yes"}, foreign=foreign)
    attributes = {
        "mode": places.mode_of(found),
        "owner": places.owner_of(found, str(desired.get("owner", ""))),
    }
    key = host.key_for(bool(spec.get("secret")))
    if key is None:
        return Found(attributes, foreign=foreign)
    with open(path, "rb") as file:
        content = file.read(LARGEST)
    attributes["content"] = fingerprint.of_content(key, content)
    shown = not spec.get("secret") and attributes["content"] != desired.get("content")
    return Found(attributes, content.decode(errors="replace") if shown else "", foreign)


def change(host: Host, items: list[Item]) -> None:
    for item in items:
        path, spec = places.below(item["name"]), item["spec"]
        uid, gid = places.ids(spec["owner"])
        places.make_folder(os.path.dirname(path))
        places.write(path, spec["content"].encode(), int(spec["mode"], 8), uid, gid)


def remove(host: Host, names: list[str]) -> None:
    for name in names:
        path = places.below(name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            directory.prune(host, os.path.dirname(path))
