"""What a journal tells of work that came to no good end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from opsctl.planning.observation import Unfinished
from opsctl.ports import Record

_GOOD = ("done", "closed")


def unfinished(records: Iterable[Record]) -> Unfinished | None:
    """Of the newest run that applied something, the newest that was to apply everything and the
    newest of all: the first that came to no good end.

    So neither a verb nor an apply of a part hides an apply that broke off before it, and the next
    apply of everything does.
    """
    known = sorted(records, key=lambda record: record.at)
    begun = [record for record in reversed(known) if record.kind == "begin"]
    applying = [record for record in begun if record.reach != "none"]
    whole = [record for record in applying if record.reach in ("all", "")]
    for newest in (applying[:1], whole[:1], begun[:1]):
        for begin in newest:
            mine = [record for record in known if record.run == begin.run]
            if not any(record.kind == "end" and record.ended in _GOOD for record in mine):
                return _left(begin, mine)
    return None


def newest(records: Iterable[Record]) -> float:
    """When the newest of them was written, by the clock of its writer."""
    return max((record.at for record in records), default=0.0)


def _left(begin: Record, mine: Sequence[Record]) -> Unfinished:
    ended = [record.step for record in mine if record.kind == "step" and record.ended == "done"]
    done = tuple(dict.fromkeys(ended))
    rest = tuple(step for step in begin.steps if step not in done)
    return Unfinished(begin.run, begin.who, begin.at, begin.revision, done, rest, begin.words)
