"""Drills: what can be struck, what was measured, what was kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from rich.text import Text

from opsctl.cli.views.lines import BAD, DIM, GOOD, WARN, Piece, line, table
from opsctl.cli.views.view import View
from opsctl.drills import forms, telling
from opsctl.drills.faults import Fault
from opsctl.drills.report import Report, to_json
from opsctl.drills.summary import summaries
from opsctl.drills.words import length

_STYLES = {"passed": GOOD, "failed": BAD, "no result": WARN, "no slo": WARN}


@dataclass(frozen=True, slots=True)
class FaultsView(View):
    """The catalogue of faults."""

    faults: Sequence[Fault]

    def lines(self) -> Iterable[Text]:
        rows: list[list[Piece]] = [
            [one.name, one.words, f"{one.seconds:g} s" if one.seconds else "", (one.undo, DIM)]
            for one in self.faults
        ]
        yield from table(("FAULT", "WHAT", "FOR", "HOW IT ENDS"), rows, indent=0)

    def data(self) -> object:
        return [asdict(one) for one in self.faults]


@dataclass(frozen=True, slots=True)
class DrillView(View):
    """One drill's report."""

    report: Report
    page: str  # the command for its page

    def lines(self) -> Iterable[Text]:
        first, *rest = forms.lines(self.report)
        yield line((first, _STYLES.get(self.report.verdict.result, "")))
        for one in rest:
            yield line(one)
        yield line("")
        yield line((f"  the whole page: {self.page}", DIM))

    def data(self) -> object:
        return json.loads(to_json(self.report))

    def markdown(self) -> str:
        return forms.markdown(self.report)


@dataclass(frozen=True, slots=True)
class ReportsView(View):
    """Several reports, one line each, and what they come to by fault."""

    reports: Sequence[Report]

    def lines(self) -> Iterable[Text]:
        if not self.reports:
            yield line(("no drill was run from here yet", DIM))
            return
        rows: list[list[Piece]] = []
        for one in self.reports:
            facts = {fact.name: fact.value for fact in telling.facts(one)}
            result: Piece = (one.verdict.result, _STYLES.get(one.verdict.result, ""))
            day = telling.day(one.wall + (one.strike or 0.0))
            rows.append([day, one.fault, one.subject.service, result, facts["cut off"],
                         facts["lost"], (one.drill, DIM)])  # fmt: skip
        yield from table(("WHEN", "FAULT", "SERVICE", "RESULT", "CUT OFF", "LOST", "ID"), rows,
                         indent=0)  # fmt: skip
        yield line("")
        yield from _summary(self.reports)

    def data(self) -> object:
        return {
            "runs": [json.loads(to_json(one)) for one in self.reports],
            "summary": [asdict(one) for one in summaries(self.reports)],
        }


def _summary(reports: Sequence[Report]) -> Iterable[Text]:
    rows: list[list[Piece]] = []
    for one in summaries(reports):
        results = ", ".join(f"{times} {result}" for result, times in one.results)
        took = [
            telling.NONE if each is None else length(each)
            for each in (one.median, one.p95, one.worst)
        ]
        lost = telling.NONE if one.lost is None else f"{one.lost:,} (worst {one.lost_worst:,})"
        rows.append([one.fault, one.service, str(one.runs), results, *took, lost])
    head = ("FAULT", "SERVICE", "RUNS", "RESULTS", "MEDIAN", "95%", "WORST", "LOST")
    yield from table(head, rows, indent=0)
