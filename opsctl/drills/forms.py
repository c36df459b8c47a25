"""The report as Markdown, and as plain lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from opsctl.drills import telling
from opsctl.drills.report import Report


def markdown(report: Report) -> str:
    """For a ticket, a wiki, a comment."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: Report) -> Iterator[str]:
    subject = report.subject
    yield f"# Drill {report.fault} on {subject.environment}/{subject.service}"
    yield f"\n**{_plain(telling.headline(report))}**\n"
    yield _plain(telling.about(report))
    yield f"\n{telling.day(report.wall + (report.strike or 0.0))}, drill `{report.drill}`" + (
        f", by {_plain(subject.by)}." if subject.by else "."
    )
    yield "\nExpected: " + _plain(report.felt) + "."
    more = telling.more(report)
    if more:
        yield ""
    yield from (f"- {_plain(each)}" for each in more)
    yield from _table("What clients felt", ("", "", ""), [
        (fact.name, f"**{fact.value}**", fact.note) for fact in telling.facts(report)
    ])  # fmt: skip
    yield from _table("Promised", ("", "promised", "measured", ""), [
        (check.name, check.promised, check.measured, telling.kept_word(check.kept))
        for check in report.verdict.checks
    ])  # fmt: skip
    head = ("phase", "since the strike", "since the one before", "where", "what was seen")
    yield from _table("Phases", head, list(telling.stage_rows(report)))
    errors = [(kind, f"{times:,}") for kind, times in report.measurement.errors]
    yield from _table("What the client was told", ("instead of yes", "times"), errors)
    rows = list(telling.latency_rows(report))
    yield from _table("Latency, ms", ("", "median", "95%", "99%", "slowest"), rows)
    events = list(telling.event_rows(report))
    yield from _table("Events", ("", "where", "phase", "what"), events)
    if report.notes:
        yield "\n## Notes\n"
        yield from (f"- {_plain(note)}" for note in report.notes)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    yield f"\n## {title}\n"
    yield _row(head)
    yield "|" + "---|" * len(head)
    yield from (_row(row) for row in rows)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(words: str) -> str:
    """A log line's words are text, not tables or tags."""
    return " ".join(words.replace("|", "\\|").replace("<", "&lt;").split())


def lines(report: Report) -> Iterator[str]:
    """For a terminal: the result first, the details below, no line much longer than 100."""
    yield telling.headline(report)
    yield from (f"  {each}" for each in telling.more(report))
    yield f"  {telling.about(report)}"
    yield ""
    yield from _columns([(fact.name, fact.value, fact.note) for fact in telling.facts(report)])
    if report.stages:
        yield ""
        yield from _columns(
            [(row[0], row[1], row[3], row[4]) for row in telling.stage_rows(report)]
        )
    if report.verdict.checks:
        yield ""
        yield from _columns([
            (check.name, telling.kept_word(check.kept), check.promised, check.measured)
            for check in report.verdict.checks
        ])  # fmt: skip
    if report.measurement.errors:
        told = ", ".join(f"{kind} {times:,}" for kind, times in report.measurement.errors)
        yield ""
        yield f"  answers other than yes: {told}"
    yield from (f"  {note}" for note in report.notes)


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
