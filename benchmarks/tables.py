"""Results as Markdown (for people and docs/benchmarks.md) and as JSON (for programs). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from benchmarks.results import OURS, Row, faster, ratios, verdicts

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run of the benchmark gave. `about`: machine, date, versions, runs."""

    about: Mapping[str, str]
    rows: Sequence[Row]

    def markdown(self) -> str:
        """A list of what was used, one table per number of hosts and case, and the targets."""
        lines = [f"- {name}: {value}" for name, value in self.about.items()]
        for (hosts, case), rows in groupby(self.rows, key=lambda row: (row.hosts, row.case)):
            lines += ["", f"### {hosts} hosts: {case}", "", *_table(list(rows))]
        if found := list(verdicts(self.rows)):
            lines += ["", "### Targets", "", "| target | measured | |", "|---|--:|---|"]
            lines += [
                f"| {verdict.target.words} | {_number(verdict.ratio)} | {verdict.words} |"
                for verdict in found
            ]
        return "\n".join(lines) + "\n"

    def json(self) -> dict[str, object]:
        """Seconds of every run, so that anybody can compute anew."""
        return {
            "format": FORMAT,
            "about": dict(self.about),
            "rows": [
                {
                    "hosts": row.hosts,
                    "case": row.case,
                    "tool": row.tool,
                    "label": row.label,
                    "seconds": {str(run): round(took, 4) for run, took in row.seconds.items()},
                    "median": row.median,
                    "reason": row.reason,
                }
                for row in self.rows
            ],
            "targets": [
                {
                    "target": verdict.target.words,
                    "bound": verdict.target.bound,
                    "ratio": verdict.ratio,
                    "verdict": verdict.words,
                }
                for verdict in verdicts(self.rows)
            ],
        }


def _table(rows: Sequence[Row]) -> Iterator[str]:
    """opsctl's ratio to each row; for a tool with two ways also to the faster of both."""
    yield "| | median s | min | max | runs | opsctl / this |"
    yield "|---|--:|--:|--:|--:|--:|"
    ours = next((row for row in rows if row.tool == OURS), None)
    for row in rows:
        yield _line(row, ours)
    if ours is None:
        return
    for tool in dict.fromkeys(row.tool for row in rows):
        ways = [row for row in rows if row.tool == tool and row.seconds]
        if len(ways) > 1:
            both = faster(ways)
            took, ratio = _seconds(both.median), _ratio(ours, both)
            yield f"| the faster of {tool}'s | {took} | | | | {ratio} |"


def _line(row: Row, ours: Row | None) -> str:
    if not row.seconds:
        return f"| {row.label} | not measured: {_cell(row.reason or 'left out')} | | | 0 | |"
    took = row.seconds.values()
    ratio = _ratio(ours, row) if ours and ours is not row else ""
    note = f" (then: {_cell(row.reason)})" if row.reason else ""
    return (
        f"| {row.label}{note} | {_seconds(row.median)} | {_seconds(min(took))} "
        f"| {_seconds(max(took))} | {len(took)} | {ratio} |"
    )


def _ratio(ours: Row, other: Row) -> str:
    """The median of the ratios run by run, and their range."""
    found = ratios(ours, other)
    if not found:
        return ""
    return f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")
