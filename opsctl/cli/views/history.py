"""What was done: one line for every run, its steps when they are asked for."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from opsctl.cli.views.errors import UNSEEN, away_lines, error_data
from opsctl.cli.views.lines import BAD, DIM, GOOD, WARN, Piece, line, table
from opsctl.cli.views.view import View
from opsctl.errors import OpsError
from opsctl.ports import Record


@dataclass(frozen=True, slots=True)
class HistoryView(View):
    """Records of the targets' journals, oldest first. `away`: who can't be asked."""

    records: Sequence[Record]
    verbose: bool = False
    away: Sequence[OpsError] = ()

    def lines(self) -> Iterable[Text]:
        yield from self._rows()
        yield from away_lines(self.away)

    def _rows(self) -> Iterable[Text]:
        if not self.records:
            yield line(("nothing was done here yet" + (UNSEEN if self.away else ""), DIM))
            return
        rows: list[list[Piece]] = []
        for run, records in self._runs().items():
            rows.append(_run_row(run, records))
            if self.verbose:
                rows += [_step_row(record) for record in records if record.kind == "step"]
        yield from table(("WHEN", "WHAT", "REVISION", "WHO", "ENDED", "RUN"), rows, indent=0)

    def data(self) -> object:
        return {
            "records": [
                {**dataclasses.asdict(record), "steps": list(record.steps)}
                for record in self.records
            ],
            "unreachable": [error_data(error) for error in self.away],
        }

    def _runs(self) -> dict[str, list[Record]]:
        runs: dict[str, list[Record]] = {}
        for record in self.records:
            runs.setdefault(record.run, []).append(record)
        return runs


def _run_row(run: str, records: Sequence[Record]) -> list[Piece]:
    first = records[0]
    if first.kind == "note":
        return [_when(first.at), first.words, "", first.who, "", (run, DIM)]
    begun = next((record for record in records if record.kind == "begin"), first)
    ends = [record for record in records if record.kind == "end"]
    ended: Piece = _ended(ends[0].ended) if ends else ("unfinished", WARN)
    if ends and ends[0].ended == "done" and ends[0].details:  # such as a drill's verdict
        ended = "; ".join(ends[0].details.values())
    words = begun.words if begun.kind == "begin" else ""
    return [_when(first.at), words, str(begun.revision or ""), begun.who, ended, (run, DIM)]


def _step_row(record: Record) -> list[Piece]:
    return [
        (f"  {_when(record.at)[11:]}", DIM),
        f"  {record.words}",
        "",
        "",
        _ended(record.ended),
        "",
    ]


def _ended(words: str) -> Piece:
    """ "done", or the code of the error that ended it; programs get all of its words."""
    if words in ("done", "closed"):
        return (words, GOOD)
    code = words.partition("]")[0].removeprefix("[") if words.startswith("[") else words
    return (code, BAD)


def _when(at: float) -> str:
    """The caller's own clock and zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
