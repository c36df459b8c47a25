"""A file. Managed: every byte is ours. Seeded: written once, then the server's own."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Any

from . import directory, fingerprint, memory, places
from .found import Found
from .host import Host, Item
from .shell import RefusedError, run

LARGEST = 4 << 20  # bytes read and compared
CHECK = 30.0  # seconds that a program may take to judge new content
SHOWN = 20  # lines of what it said


def observe(host: Host, item: Item) -> Found:
    path, spec, desired = places.below(item["name"]), item["spec"], item["desired"]
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Found(None)
    if not stat.S_ISREG(found.st_mode):
        return Found(None, foreign=f"{item['name']} is not a plain file")
    foreign = host.foreign(item, f"{item['name']} is there and opsctl did not write it")
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
    """Write them. Raises hosts/file-refused where a file's own check says no, and
    hosts/memory-in-use: the old one stays."""
    for item in items:
        path, spec = places.below(item["name"]), item["spec"]
        uid, gid = places.ids(spec["owner"])
        if "bounds" in spec:
            memory.refuse_less(host, spec["bounds"], spec["content"])
        places.make_folder(os.path.dirname(path))
        content, mode = spec["content"].encode(), int(spec["mode"], 8)
        places.write(path, content, mode, uid, gid, lambda draft, item=item: _check(item, draft))


def _check(item: Item, draft: str) -> None:
    spec = item["spec"]
    check = spec.get("check")
    if not check:
        return
    argv = [draft if word == "{file}" else word for word in check["argv"]]
    said = run(argv, timeout=CHECK, user=check["user"])
    if said.exit:
        words = _masked(f"{said.out}\n{said.err}", spec).replace(draft, item["name"])
        raise RefusedError(
            "hosts/file-refused",
            f"{os.path.basename(argv[0])} refuses the new {item['name']}: it was not put in place",
            "what it says is below; correct the cause, or opsctl rollback",
            [line for line in words.splitlines() if line.strip()][-SHOWN:],
        )


def _masked(text: str, spec: dict[str, Any]) -> str:
    """Without the values of the secrets that the file holds."""
    for name, value in spec.get("hidden", {}).items():
        text = text.replace(value, f"‹secret {name}›") if value else text
    return text


def remove(host: Host, names: list[str]) -> None:
    for name in names:
        path = places.below(name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            directory.prune(host, os.path.dirname(path))
