"""What a unit's process took in, as it noted itself.

At each start the unit writes /run/opsctl/started/<unit>: what stands for the unit's text as systemd
has it, the SHA-256 of each file that only a restart takes in, and the versions of its packages. And
/run/opsctl/taken/<unit>: the SHA-256 of each file that a reload takes in, which a reload that
succeeded replaces by the sums made just before it. Against these notes a unit is compared, not
against the files as they are now: a crash between writing and restarting loses nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from . import fingerprint, places
from .host import Host

UNKNOWN = "unknown"  # it runs, and noted nothing


def loaded(host: Host, unit: str, spec: dict[str, Any]) -> str | None:
    """The fingerprint of what it was started with; None when it can't be told without the key."""
    parts = {}
    for word, name, value in _noted(places.STARTED, unit):
        if word == "file":
            found = _file(host, spec.get("files", {}), name, value)
            if found is None:
                return None
            parts[name] = found
        elif word == "unit" or name in spec.get("packages", ()):
            parts[name] = value
    return fingerprint.of_parts(parts) if parts else UNKNOWN


def taken(host: Host, unit: str, spec: dict[str, Any]) -> str | None:
    """The same of the files that a reload takes in, as it last took them in."""
    parts = {}
    for _, name, value in _noted(places.TAKEN, unit):
        found = _file(host, spec.get("reloads", {}), name, value)
        if found is None:
            return None
        parts[name] = found
    return fingerprint.of_parts(parts) if parts else UNKNOWN


def forget(unit: str) -> None:
    # A reload that failed leaves the sums that it was to take in.
    for note in (
        f"{places.STARTED}/{unit}",
        f"{places.TAKEN}/{unit}",
        f"{places.TAKEN}/{unit}.new",
    ):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(places.below(note))


def _file(host: Host, secret: dict[str, bool], name: str, digest: str) -> str | None:
    key = host.key_for(secret.get(name, False))
    return None if key is None else fingerprint.of_digest(key, bytes.fromhex(digest))


def _noted(folder: str, unit: str) -> Iterator[tuple[str, str, str]]:
    """("file", path, sha256), ("package", name, version) and ("unit", "unit text", fingerprint)."""
    try:
        with open(f"{places.below(folder)}/{unit}", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        if line.startswith("package "):
            _, name, version = line.split(" ", 2)
            yield "package", name, version
        elif line.startswith("unit "):
            yield "unit", "unit text", line.removeprefix("unit ")
        elif len(line) > 66:
            yield "file", line[66:], line[:64]
