"""The journal: one JSON record a line, bounded; and the newest revisions of the spec."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from . import jsontext, places

ROTATE = 1 << 20  # bytes; one older file is kept beside it
KEEP = 50  # revisions
HEAD = 2000  # lines among which the newest apply of everything is looked for


def append(environment: str, records: list[Any], documents: dict[str, Any]) -> None:
    """Add records, on disk when this returns; keep each document as its revision."""
    folder = places.state(environment, "revisions")
    places.make_folder(folder, 0o700)
    for revision, document in documents.items():
        places.write_json(f"{folder}/{int(revision)}.json", document)
    for old in revisions(environment)[:-KEEP]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{folder}/{old}.json")
    path = places.state(environment, "journal.jsonl")
    lines = "".join(jsontext.written(record) + "\n" for record in records)
    with places.full_disk(path):
        if os.path.exists(path) and os.path.getsize(path) > ROTATE:
            os.rename(path, f"{path}.1")
        before = "\n" if _cut_short(path) else ""
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(before + lines)
            file.flush()
            os.fsync(file.fileno())


def _cut_short(path: str) -> bool:
    """Whether a crash or a full disk left the last line without its end: what comes next must not
    be lost with it."""
    try:
        with open(path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:  # not there, or empty
        return False


def read(environment: str, limit: int) -> list[Any]:
    """The newest `limit` records, oldest first. A line that a crash cut short is left out."""
    records = map(_record, _newest(environment, limit))
    return [record for record in records if record is not None]


def head(environment: str) -> dict[str, Any]:
    """The records since the newest run began that was to apply everything, less those of runs that
    are neither the newest nor the newest that applied something; and the newest revision."""
    records: list[Any] = []
    others: list[Any] = []
    begun = applied = False
    for line in reversed(_newest(environment, HEAD)):
        record = _record(line)
        if record is None:
            continue
        records.insert(0, record)
        if record.get("kind") == "begin":
            reach = record.get("reach", "all")
            if reach == "all":
                break
            if begun and (applied or reach == "none"):
                others.append(record.get("run"))
            begun, applied = True, applied or reach != "none"
    known = revisions(environment)
    return {
        "records": [record for record in records if record.get("run") not in others],
        "revision": known[-1] if known else 0,
    }


def revisions(environment: str) -> list[int]:
    """Numbers of the revisions kept here, ascending."""
    try:
        names = os.listdir(places.state(environment, "revisions"))
    except FileNotFoundError:
        return []
    return sorted(
        int(name[:-5]) for name in names if name[:-5].isdigit() and name.endswith(".json")
    )


def documents(environment: str, newest: int) -> dict[str, Any]:
    """The newest documents by revision."""
    folder = places.state(environment, "revisions")
    chosen = revisions(environment)[-newest:] if newest else []
    return {str(number): places.read_json(f"{folder}/{number}.json") for number in chosen}


def _newest(environment: str, limit: int) -> list[str]:
    """The newest lines, oldest first."""
    path = places.state(environment, "journal.jsonl")
    lines: list[str] = []
    for part in (path, f"{path}.1"):
        if len(lines) < limit:
            lines = _lines(part) + lines
    return lines[-limit:]


def _record(line: str) -> Any:
    """None for a line that is cut short."""
    try:
        return jsontext.read(line)
    except ValueError:
        return None


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []
