"""The runs as tables of docs/drills.md. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from benchmarks.drilling.book import Run
from opsctl.drills.measure import percentile
from opsctl.drills.words import length

BEGIN, END = "<!-- numbers: made by `make soak` -->", "<!-- end of numbers -->"
NONE = "–"
_CUT_OFF = ("fault", "preset", "runs", "median", "95%", "worst", "lost writes, all runs")
_HEADS = {
    "faults": _CUT_OFF,
    "sweep": ("stall", "preset", "runs", "with a failover", "median", "worst"),
    "returns": ("goes on at", "preset", "returns", "with a failover",
                "lost before the switch", "taken after it"),
    "cluster": _CUT_OFF,
}  # fmt: skip
_TITLES = {
    "faults": "What clients feel: the longest cut-off",
    "sweep": "How much a primary may stall",
    "returns": "Returns of an old primary",
    "cluster": "In a cluster: the longest cut-off of a client on another node",
}


def filled(page: str, runs: Sequence[Run]) -> str:
    """The page with its numbers between the marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks for the numbers")
    return f"{before}{BEGIN}\n{tables(runs)}{END}{after}"


def tables(runs: Sequence[Run]) -> str:
    return "\n".join(line for table in _HEADS for line in _table(table, runs)) + "\n"


def _table(table: str, runs: Sequence[Run]) -> Iterator[str]:
    mine = [one for one in runs if one.table == table]
    yield f"### {_TITLES[table]}\n"
    if not mine:
        yield "Not measured yet: `make soak`.\n"
        return
    head = _HEADS[table]
    yield _row(head)
    yield "|---|---|" + "--:|" * (len(head) - 2)
    groups: dict[tuple[str, str], list[Run]] = {}
    for one in mine:
        groups.setdefault((one.preset, one.case), []).append(one)
    for (preset, case), several in groups.items():
        yield _row((case, preset, *_cells(table, several)))
    days = sorted({one.date for one in mine})
    machines = ", ".join(dict.fromkeys(one.machine for one in mine))
    yield f"\n{days[0]}{'' if len(days) == 1 else ' to ' + days[-1]}, {machines}.\n"


def _cells(table: str, runs: Sequence[Run]) -> Iterator[str]:
    good = [one for one in runs if not one.problem]
    took = sorted(one.cut_off for one in good if one.cut_off is not None)
    without = len(runs) - len(good)
    yield f"{len(good)}" + (f" ({without} without a result)" if without else "")
    share = f"{sum(bool(one.failover) for one in good)}"
    if table == "returns":
        after = [one.lost_after_switch or 0 for one in good]
        yield share
        yield f"{sum(one.lost or 0 for one in good) - sum(after)}"
        yield f"{sum(after)}"
        return
    if table == "sweep":
        yield share
        yield _length(median(took) if took else None)
        yield _length(max(took, default=None))
        return
    yield from map(
        _length, (median(took), percentile(took, 0.95), took[-1]) if took else [None] * 3
    )
    lost = [one.lost for one in good if one.lost is not None]
    yield f"{sum(lost)}" if lost else NONE


def _length(seconds: float | None) -> str:
    return NONE if seconds is None else "none" if seconds == 0 else length(seconds)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
