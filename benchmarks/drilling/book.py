"""What was measured so far, in one JSON file: a run that broke off goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.drilling.cases import Case

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Run:
    """One drill. Times in seconds; None: not known. `failover`: somebody else was elected."""

    table: str
    preset: str
    case: str
    date: str
    machine: str
    result: str
    cut_off: float | None = None
    lost: int | None = None
    lost_after_switch: int | None = None
    failover: bool | None = None
    stalled: float = 0.0  # for how long the client's own machine stood still
    problem: str = ""


class Book:
    """Every run, written down as soon as it has ended."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.runs: list[Run] = []
        if file.exists():
            said = json.loads(file.read_text())
            if said["format"] != FORMAT:
                raise SystemExit(f"{file} is of format {said['format']}, {FORMAT} is written here")
            self.runs = [Run(**one) for one in said["runs"]]

    def add(self, run: Run) -> None:
        self.runs.append(run)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        rows = ",\n".join(json.dumps(asdict(one)) for one in self.runs)
        draft.write_text(f'{{"format": {FORMAT}, "runs": [\n{rows}\n]}}\n')
        draft.replace(self._file)

    def of(self, case: Case) -> Sequence[Run]:
        """The runs of a case that had a result."""
        wanted = (case.table, case.preset, case.name)
        return [
            one
            for one in self.runs
            if (one.table, one.preset, one.case) == wanted and not one.problem
        ]
