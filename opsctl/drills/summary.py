"""Several drills of one fault in one line: repeated runs differ, and the worst counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from opsctl.drills.measure import percentile
from opsctl.drills.report import Report


@dataclass(frozen=True, slots=True)
class Summary:
    """Runs of `fault` on `service`. Cut-offs are in seconds, a run without one counts as 0; None
    where no run had a result. `lost`: acknowledged writes over all runs, `lost_worst` of one run;
    `results`: (result, how often), in the order in which they came first."""

    service: str
    fault: str
    runs: int
    results: tuple[tuple[str, int], ...]
    median: float | None
    p95: float | None
    worst: float | None
    lost: int | None
    lost_worst: int | None


def summaries(reports: Iterable[Report]) -> tuple[Summary, ...]:
    """One for each service and fault, as they come."""
    kinds: dict[tuple[str, str], list[Report]] = {}
    for one in reports:
        kinds.setdefault((one.subject.service, one.fault), []).append(one)
    return tuple(summary(several) for several in kinds.values())


def summary(reports: Sequence[Report]) -> Summary:
    """Of one fault on one service; at least one report."""
    served = [one for one in reports if one.strike is not None]
    took = sorted(cut_off(one) for one in served)
    lost = [one.measurement.fates.lost for one in served if one.measurement.fates]
    results = [one.verdict.result for one in reports]
    return Summary(
        service=reports[0].subject.service,
        fault=reports[0].fault,
        runs=len(reports),
        results=tuple((each, results.count(each)) for each in dict.fromkeys(results)),
        median=median(took) if took else None,
        p95=percentile(took, 0.95) if took else None,
        worst=took[-1] if took else None,
        lost=sum(lost) if lost else None,
        lost_worst=max(lost, default=None),
    )


def cut_off(report: Report) -> float:
    """Seconds of the longest cut-off since the strike; 0 when there was none."""
    longest = report.measurement.longest
    return longest.seconds if longest else 0.0
