"""A note in the journal: something that was done, and was no run."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress

from opsctl.flow.parts import Parts
from opsctl.ports import Record
from opsctl.running.context import Stop
from opsctl.running.journal import run_id
from opsctl.running.lease import leased


def note(parts: Parts, words: str, names: Collection[str] | None = None) -> None:
    """Writes it to the journals of the targets `names`, or of all, and to the caller's copy. Raises
    OpsError where a lock is held by somebody else, or a target is away."""
    record = Record(run_id(), "note", time.time(), parts.who, words)
    targets = {name: one for name, one in parts.targets.items() if names is None or name in names}
    with leased(targets, parts.holder(words), Stop(), parts.lock_ttl) as fences:
        for name, fence in fences.items():
            parts.targets[name].record([record], fence)
    with suppress(OSError):  # the journal is what the targets have
        parts.copy_record(record)
