"""`make bench`: measures, prints the table, writes benchmarks/results/latest.{md,json}."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.cases import GROUPS, Bench, Group
from benchmarks.measuring import Failed
from benchmarks.results import Book
from benchmarks.tables import Report
from benchmarks.tools import Ansible, Mitogen, Opsctl, Pyinfra, Tool
from opsctl.errors import OpsError
from opsctl.lab import require

RESULTS = Path(__file__).parent / "results"
NAMES = (Opsctl.name, Ansible.name, Mitogen.name, Pyinfra.name)


def main() -> int:
    """Measure what the command line asks for. Exit 1: not one row could be measured."""
    asked = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # so that hosts are taken down
    try:
        require()
    except OpsError as error:
        say(f"{error.message}; {error.hint}" if error.hint else error.message)
        return 1
    began = time.time()
    book = Book()
    with tempfile.TemporaryDirectory(prefix="ob-", dir="/tmp") as temporary:
        about = measure(asked, book, Path(temporary))
    about |= {"took": f"{(time.time() - began) / 60:.0f} minutes", "load": load()}
    report = Report(about, book.rows)
    write(report, asked.results)
    print(report.markdown())
    return 0 if any(row.seconds for row in book.rows) else 1


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    parser.add_argument("--hosts", type=_count(2, 60), action="append", help="3 and 20 unless said")
    parser.add_argument("--runs", type=_count(1, 50), default=5)
    parser.add_argument("--first-runs", type=_count(1, 50), default=3, help="of first applies")
    parser.add_argument("--only", choices=NAMES, action="append", help="these tools; repeatable")
    parser.add_argument("--cases", choices=GROUPS, action="append", help="these; repeatable")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for latest.*")
    return parser.parse_args(given)


def _count(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{least} to {most}")
        return value

    return number


def measure(asked: argparse.Namespace, book: Book, folder: Path) -> dict[str, str]:
    """Fill the book; gives what was used. A number of hosts that fails does not end the others."""
    tools = _tools(asked.only or NAMES, folder)
    about, absent = installed(tools)
    groups: Sequence[Group] = asked.cases or GROUPS
    for size in asked.hosts or (3, 20):
        bench = Bench(
            size,
            asked.runs,
            min(asked.runs, asked.first_runs),
            tools,
            dict(absent),
            folder,
            book,
            say,
        )
        try:
            bench.measure(groups)
        except (OpsError, Failed) as error:
            say(f"{size} hosts: given up: {error}")
            about[f"{size} hosts"] = f"given up: {error}"
    return about


def _tools(names: Sequence[str], folder: Path) -> list[Tool]:
    """In their fixed order. Folders have short names: ssh's sockets lie there."""
    made: list[Tool] = [
        Opsctl(folder / "o"), Ansible(folder / "a"), Mitogen(folder / "m"), Pyinfra(),
    ]  # fmt: skip
    for own in ("o", "a", "m"):
        (folder / own).mkdir(mode=0o700)
    return [tool for tool in made if tool.name in names]


def installed(tools: Sequence[Tool]) -> tuple[dict[str, str], dict[str, str]]:
    """(what is used, tool -> why it can't be)."""
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}",
    }
    absent: dict[str, str] = {}
    for tool in tools:
        try:
            about[tool.name] = tool.install()
        except Failed as error:
            absent[tool.name] = about[tool.name] = str(error)
        say(f"{tool.name}: {about[tool.name]}")
    return about, absent


def write(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(report.json(), indent=1) + "\n")
    (folder / "latest.md").write_text(report.markdown())


def load() -> str:
    """How busy the machine was at the end, this benchmark included."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("stopped; the hosts are gone, nothing was written")
        sys.exit(130)
