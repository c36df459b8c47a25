"""What was done, as the journal has it, for beside the lines of a panel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsctl.model import Environment
from opsctl.monitoring.dashboards.naming import TAG, environment_tag
from opsctl.ports import Record
from opsctl.ports.grafana import Note


def changes(environment: Environment, records: Sequence[Record]) -> Iterator[Note]:
    """One annotation for every run of the journal that has ended, and for every note."""
    begun = {record.run: record for record in records if record.kind == "begin"}
    for record in records:
        first = begun.get(record.run, record)
        if record.kind == "end":
            words = f"{first.words or 'run'} by {first.who}: {record.ended or 'ended'}"
        elif record.kind == "note":
            words = f"{record.words} ({record.who})"
        else:
            continue
        tags = {TAG, environment_tag(environment.id), _run_tag(record.run)}
        yield Note(first.at, record.at, words, frozenset(tags))


def _run_tag(run: str) -> str:
    return f"run:{run}"


def run_of(note: Note) -> str:
    """The tag that says which run a note is of."""
    return next((tag for tag in sorted(note.tags) if tag.startswith("run:")), "")
