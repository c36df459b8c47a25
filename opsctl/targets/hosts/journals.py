"""Journal records of several hosts, as one journal. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsctl.ports import Record
from opsctl.targets.hosts import wire


def merged(histories: Sequence[Sequence[Mapping[str, Any]]], limit: int) -> tuple[Record, ...]:
    """Each record once, oldest first. A host that was away has gaps; the others fill them."""
    found: dict[tuple[str, str, str, float], Record] = {}
    for history in histories:
        for entry in history:
            record = wire.record_in(entry)
            found.setdefault((record.run, record.kind, record.step, record.at), record)
    return tuple(sorted(found.values(), key=lambda record: record.at)[-limit:])


def appending(
    records: Sequence[Record], document: Mapping[str, Any] | None
) -> dict[str, dict[str, Any]]:
    """The request's part that appends; the document is kept as the records' revision."""
    revision = max((record.revision for record in records), default=0)
    documents = {str(revision): document} if document is not None else {}
    return {
        "append": {"records": [wire.record_out(one) for one in records], "documents": documents}
    }
