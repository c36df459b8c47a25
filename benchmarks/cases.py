"""The cases: tools take turns in every run (A B C, A B C), so that drift hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from benchmarks import results, world
from benchmarks.measuring import Done, Failed
from benchmarks.results import Book, Case
from benchmarks.tools import Tool, Way
from benchmarks.world import Packages, World
from opsctl.errors import OpsError

Group = Literal["plan", "first", "change"]
GROUPS: tuple[Group, ...] = ("plan", "first", "change")


@dataclass(slots=True)
class Bench:
    """One number of hosts with all tools. `absent`: tool -> why it can't be measured at all."""

    size: int
    runs: int
    first_runs: int  # of first applies: each wants fresh hosts for each tool
    tools: Sequence[Tool]
    absent: dict[str, str]
    folder: Path
    book: Book
    say: Callable[[str], None]
    passwords: dict[str, str] = field(default_factory=world.new_passwords)
    dropped: dict[str, str] = field(default_factory=dict)  # tool -> why, until the next hosts

    def measure(self, groups: Sequence[Group]) -> None:
        """Every case asked for. Hosts are gone afterwards, whatever happens."""
        with world.taken_down_at_the_end(self.size):
            if "first" in groups:
                world.fetch_packages(self.size, self.say)
                self._first(results.APPLY_CACHED, "cached")
                self._first(results.APPLY_INSTALLED, "installed")
            if "plan" in groups or "change" in groups:
                self._settled(groups)
            for tool in self.tools:
                tool.disconnect()

    def _first(self, case: Case, packages: Packages) -> None:
        """Fresh hosts for each tool in each run; at the first run each must then find no change."""
        self.dropped = dict(self.absent)
        for run, tool in self._turns(self.first_runs, case):
            hosts = world.fresh(self.size, packages, self.folder, self.passwords)
            tool.begin(hosts)
            tool.disconnect()
            done = self._timed(case, tool, run, partial(tool.apply, hosts))
            if done and run == 0:
                self._checked(case, tool, partial(_no_more, tool, hosts))
            tool.disconnect()

    def _settled(self, groups: Sequence[Group]) -> None:
        """Plans and changes on hosts that hold every tool's state side by side."""
        self.dropped = dict(self.absent)
        hosts = world.fresh(self.size, "installed", self.folder, self.passwords)
        for tool in self._present():
            tool.begin(hosts)
            self._checked(results.KEPT_CONNECTION, tool, partial(tool.apply, hosts))
        if "plan" in groups:
            for run, tool in self._turns(
                self.runs, results.FIRST_CONNECTION, results.KEPT_CONNECTION
            ):
                for way in tool.ways:
                    self._plan(tool, way, hosts, run)
        if "change" in groups:
            for run, tool in self._turns(self.runs, results.CHANGE):
                self._change(tool, hosts, run)

    def _plan(self, tool: Tool, way: Way, hosts: World, run: int) -> None:
        """Twice for a tool that keeps connections; else its one time stands in both cases."""
        tool.disconnect()
        names = (tool.name, way.label)
        done = self._timed(
            results.FIRST_CONNECTION, tool, run, partial(tool.plan, hosts, way), way.label
        )
        if done is None:
            self.book.miss(self.size, results.KEPT_CONNECTION, names[1], names[0], "see above")
        elif tool.keeps_connections:
            self._timed(
                results.KEPT_CONNECTION, tool, run, partial(tool.plan, hosts, way), way.label
            )
        else:
            self.book.note(
                self.size, results.KEPT_CONNECTION, way.label, tool.name, run, done.seconds
            )

    def _change(self, tool: Tool, hosts: World, run: int) -> None:
        """Another value for each tool in each run; the servers are asked afterwards.

        Connections are as the command before left them: kept, where a tool keeps them.
        """
        hosts.value += 1
        tool.write(hosts)
        if self._timed(results.CHANGE, tool, run, partial(tool.apply, hosts)):
            self._checked(results.CHANGE, tool, partial(_has_value, tool, hosts))

    def _turns(self, runs: int, *cases: Case) -> Iterator[tuple[int, Tool]]:
        """(run, tool), tools in turn; a tool that failed is left out from then on."""
        for case in cases:
            for tool in self.tools:
                for way in _ways(case, tool):
                    self.book.open(self.size, case, way, tool.name)
                    if reason := self.dropped.get(tool.name):
                        self.book.miss(self.size, case, way, tool.name, reason)
        for run in range(runs):
            self.say(f"{self.size} hosts, {cases[0].partition(', first')[0]}: run {run + 1}")
            for tool in self._present():
                yield run, tool

    def _present(self) -> list[Tool]:
        return [tool for tool in self.tools if tool.name not in self.dropped]

    def _timed(
        self, case: Case, tool: Tool, run: int, act: Callable[[], Done], label: str = ""
    ) -> Done | None:
        label = label or tool.name
        try:
            done = act()
        except (Failed, OpsError) as error:
            self._fail(case, tool, label, str(error))
            return None
        self.book.note(self.size, case, label, tool.name, run, done.seconds)
        self.say(f"  {label}: {done.seconds:.2f} s")
        return done

    def _checked(self, case: Case, tool: Tool, act: Callable[[], object]) -> None:
        """Something that is not measured but must succeed."""
        try:
            act()
        except (Failed, OpsError) as error:
            for label in _ways(case, tool):
                self._fail(case, tool, label, str(error))

    def _fail(self, case: Case, tool: Tool, label: str, reason: str) -> None:
        self.say(f"  {label}: {reason}")
        self.book.miss(self.size, case, label, tool.name, reason)
        self.dropped.setdefault(tool.name, f"failed before: {case}")


def _ways(case: Case, tool: Tool) -> tuple[str, ...]:
    if case in (results.FIRST_CONNECTION, results.KEPT_CONNECTION):
        return tuple(way.label for way in tool.ways)
    return (tool.name,)


def _no_more(tool: Tool, hosts: World) -> None:
    """What was applied is there: the tool itself finds nothing left to do."""
    tool.plan(hosts, tool.ways[-1])


def _has_value(tool: Tool, hosts: World) -> None:
    found = tool.values(hosts)
    if found != {hosts.value}:
        raise Failed(f"the servers have {sorted(found)}, {hosts.value} was wanted")
