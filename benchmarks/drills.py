"""`make soak`: every drill again and again; benchmarks/results/drills.json, docs/drills.md.

It goes on where the last one was: the runs that the JSON file has are not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks.drilling.book import Book, Run
from benchmarks.drilling.cases import TABLES, Case, cases
from benchmarks.drilling.returning import resumed_at
from benchmarks.drilling.site import Site, cluster, hosts
from benchmarks.drilling.tables import filled, tables
from benchmarks.measuring import Failed
from opsctl.drills.faults import FAULTS
from opsctl.drills.report import Report, from_json
from opsctl.drills.summary import cut_off
from opsctl.engines.redis.presets import PRESETS
from opsctl.errors import OpsError
from opsctl.lab import require

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "drills.md"
RESULTS = ROOT / "benchmarks" / "results" / "drills.json"
RUNS = {
    "faults": 20,
    "sweep": 10,
    "returns": 38,
    "cluster": 20,
}  # of each case; 8 moments make 304 returns
BROKEN = 3  # drills without a result on end after which a case is given up


def main() -> int:
    asked = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # so that the hosts are taken down
    require()
    book = Book(asked.results)
    wanted = [
        case
        for case in cases(asked.only or TABLES, asked.presets or tuple(PRESETS), asked.faults or ())
        if len(book.of(case)) < (asked.runs or RUNS[case.table])
    ]
    say(f"{len(wanted)} cases are open")
    for place in (hosts, cluster):
        here = [case for case in wanted if (case.table == "cluster") == (place is cluster)]
        if here:
            temporary = tempfile.TemporaryDirectory(prefix="od-", dir="/tmp")
            with temporary as folder, place(Path(folder)) as site:
                for case in here:
                    measure(site, book, case, asked.runs or RUNS[case.table])
    print(tables(book.runs))
    if asked.page.exists():
        asked.page.write_text(filled(asked.page.read_text(), book.runs))
    return 0 if all(one.lost_after_switch in (None, 0) for one in book.runs) else 1


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.drills", description=__doc__)
    faults = [fault.name for fault in FAULTS]
    parser.add_argument("--runs", type=int, help=f"of each case; left out: {RUNS}")
    parser.add_argument("--presets", nargs="+", choices=tuple(PRESETS))
    parser.add_argument("--faults", nargs="+", choices=faults, metavar="FAULT")
    parser.add_argument("--only", nargs="+", choices=TABLES, help="these tables")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    return parser.parse_args(given)


def measure(site: Site, book: Book, case: Case, runs: int) -> None:
    """The runs that are missing. A case that breaks again and again is given up."""
    broken = 0
    while len(book.of(case)) < runs and broken < BROKEN:
        try:
            site.use(case.preset)
            run = once(site, case)
            broken = 0
        except (Failed, OpsError) as error:
            broken += 1
            run = noted(case, "no result", problem=str(error))
        book.add(run)
        took = "" if run.cut_off is None else f"cut off {run.cut_off:.2f} s, {run.lost} lost"
        say(f"{case.preset} {case.name}: {took or run.problem}")
        if run.problem:
            settled(site)


def once(site: Site, case: Case) -> Run:
    with resumed_at(site, case.moment) if case.moment else nullcontext() as resumed:
        report = from_json(json.dumps(site.drill(*case.arguments)))
    # A moment that did not come says something of the service, not of a return.
    if resumed is not None and not resumed.is_set():
        raise Failed(f"no Sentinel said {case.moment}")
    return noted(case, report.verdict.result, **figures(report))


def figures(report: Report) -> Mapping[str, Any]:
    fates = report.measurement.fates
    strike = report.wall + (report.strike or 0.0)
    return {
        "cut_off": round(cut_off(report), 3),
        "lost": fates.lost if fates else None,
        "lost_after_switch": report.lost_after_switch,
        "failover": any(one.phase == "elected" and one.at >= strike for one in report.events),
        "stalled": round(sum(length for _, length in report.measurement.stalls), 3),
    }


def noted(case: Case, result: str, **more: Any) -> Run:
    machine = f"{os.cpu_count()} cores, Linux {platform.release()}"
    day = time.strftime("%Y-%m-%d")
    return Run(case.table, case.preset, case.name, day, machine, result, **more)


def settled(site: Site) -> None:
    """Whole again before the next drill, as far as an apply can do that."""
    try:
        site.apply()
    except Failed as error:
        say(f"the service is not whole: {error}")


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("stopped; the hosts are gone. What was measured is kept: the same command goes on")
        sys.exit(130)
