"""What was measured: medians, spread, ratios run by run, and targets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

Case = Literal[
    "nothing to do, first connection",
    "nothing to do, kept connection",
    "first apply, packages in apt's archives",
    "first apply, packages installed",
    "one setting changed",
]
FIRST_CONNECTION: Case = "nothing to do, first connection"
KEPT_CONNECTION: Case = "nothing to do, kept connection"
APPLY_CACHED: Case = "first apply, packages in apt's archives"
APPLY_INSTALLED: Case = "first apply, packages installed"
CHANGE: Case = "one setting changed"
OURS = "opsctl"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `seconds`: run -> how long it took; `reason`: why runs are missing."""

    hosts: int
    case: Case
    label: str
    tool: str
    seconds: Mapping[int, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def median(self) -> float | None:
        return median(self.seconds.values()) if self.seconds else None


class Book:
    """Rows as they fill up, in the order in which they were first named."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, Case, str, str], dict[int, float]] = {}
        self._reasons: dict[tuple[int, Case, str, str], str] = {}

    def open(self, hosts: int, case: Case, label: str, tool: str) -> None:
        """Have a row, even if nothing can be measured."""
        self._seconds.setdefault((hosts, case, label, tool), {})

    def note(self, hosts: int, case: Case, label: str, tool: str, run: int, took: float) -> None:
        self.open(hosts, case, label, tool)
        self._seconds[hosts, case, label, tool][run] = took

    def miss(self, hosts: int, case: Case, label: str, tool: str, reason: str) -> None:
        """Say why a row has fewer runs; the first reason stays."""
        self.open(hosts, case, label, tool)
        self._reasons.setdefault((hosts, case, label, tool), reason)

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(
            Row(*key, seconds=dict(seconds), reason=self._reasons.get(key, ""))
            for key, seconds in self._seconds.items()
        )


def ratios(ours: Row, other: Row) -> tuple[float, ...]:
    """Ours / other of each run that both have: drift of the machine's speed hits both alike."""
    runs = sorted(ours.seconds.keys() & other.seconds.keys())
    return tuple(ours.seconds[run] / other.seconds[run] for run in runs if other.seconds[run] > 0)


def faster(rows: Sequence[Row]) -> Row:
    """Of one tool's rows of one case: run by run, the faster."""
    first = rows[0]
    runs = {run for row in rows for run in row.seconds}
    best = {run: min(row.seconds[run] for row in rows if run in row.seconds) for run in runs}
    return Row(first.hosts, first.case, first.tool, first.tool, best)


@dataclass(frozen=True, slots=True)
class Target:
    """At most `bound` times what a tool's row takes (`label`; left out: the tool's faster row)."""

    hosts: int
    case: Case
    tool: str
    bound: float
    label: str = ""

    @property
    def words(self) -> str:
        return (
            f"{self.case}, {self.hosts} hosts: at most {self.bound:g} of {self.label or self.tool}"
        )


TARGETS = (
    Target(3, KEPT_CONNECTION, "pyinfra", 0.35),
    Target(3, KEPT_CONNECTION, "ansible-playbook", 0.1, "ansible-playbook --check"),
    Target(20, KEPT_CONNECTION, "pyinfra", 0.35),
    Target(20, KEPT_CONNECTION, "ansible-playbook", 0.05, "ansible-playbook --check"),
    Target(20, APPLY_INSTALLED, "ansible-playbook", 0.4, "ansible-playbook"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ratio` is the median of the ratios run by run; None: it was not measured."""

    target: Target
    ratio: float | None

    @property
    def words(self) -> str:
        if self.ratio is None:
            return "not measured"
        return "reached" if self.ratio <= self.target.bound else "missed"


def verdicts(rows: Iterable[Row], targets: Iterable[Target] = TARGETS) -> Iterator[Verdict]:
    """Each target whose number of hosts was measured at all."""
    known = list(rows)
    for target in targets:
        same = [r for r in known if (r.hosts, r.case) == (target.hosts, target.case)]
        if not any(row.hosts == target.hosts for row in known):
            continue
        ours = [row for row in same if row.tool == OURS]
        others = [
            row for row in same if row.tool == target.tool and target.label in ("", row.label)
        ]
        measured = ratios(ours[0], faster(others)) if ours and others else ()
        yield Verdict(target, median(measured) if measured else None)
