"""A spec of an engine in memory, behind the real use cases, for tests of the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from planning_world import member, node
from running_world import NEEDS, MemoryTarget, unit, workload

import opsctl
from opsctl.cli.main import main
from opsctl.errors import OpsError
from opsctl.flow.parts import Parts
from opsctl.model import Environment, ServiceBase, load, load_data
from opsctl.planning.observation import (
    Holder,
    Maintenance,
    Node,
    Observation,
    Problem,
    Turn,
    Unfinished,
)
from opsctl.planning.resource import Actual, Owned, Resource
from opsctl.ports import Events, Fence, Outcome, Record, Upkeep, Work
from opsctl.targets.unfinished import unfinished
from opsctl.workload import Directory, Quiet, Seat, Standing, Workload

SPEC = """\
opsctl: 1
name: shop
targets:
  dc: {hosts: {n0: {}, n1: {}, n2: {}}}
services:
  demo: {engine: demo, on: dc, replicas: 3, slo: {rto: 10s}}
"""


class DemoService(ServiceBase):
    """A service of the engine below; nothing to back up."""

    noun = "a demo service"
    keeps_data = False


class Demo:
    """The engine of running_world.workload."""

    name = "demo"
    templates = "demo"
    options = DemoService

    def needs(self, service: ServiceBase) -> Any:
        return (NEEDS,)

    def after(self, name: str, service: Any, environment: Environment) -> tuple[str, ...]:
        return ()

    def describe(
        self, name: str, service: Any, seats: Sequence[Seat], render: Any, directory: Directory
    ) -> Workload:
        return workload(len(seats))


@dataclass
class WatchedTarget(MemoryTarget):
    """Units with one content each; what is written is there at the next look."""

    content: dict[int, str] = field(default_factory=dict)
    wanted: str = "new"
    away: dict[str, OpsError] = field(default_factory=dict)
    foreign: dict[int, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    holder: Holder | None = None
    unfinished: Unfinished | None = None
    working: str = ""  # who holds the lock during a look
    revision: int = 0
    documents: dict[int, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def seat(
        self, services: Mapping[str, Any], recorded: Mapping[str, Sequence[Seat]]
    ) -> Mapping[str, tuple[Seat, ...]]:
        return {
            name: tuple(_seat(n) for n in range(service.replicas))
            for name, (service, _) in services.items()
        }

    def realise(self, workloads: Sequence[Workload], services: Mapping[str, Any]) -> Any:
        return tuple(
            unit(n, self.wanted) for work in workloads for n in range(len(list(work.members())))
        )

    def observe(self, resources: Sequence[Resource], workloads: Sequence[Workload]) -> Observation:
        return Observation(
            actual={
                unit(n).id: Actual(
                    unit(n).id,
                    {"loaded": self.content[n]} if n in self.content else None,
                    foreign=self.foreign.get(n, ""),
                )
                for n in range(self.members)
            },
            owned=tuple(Owned(unit(n).id, "demo", member(n)) for n in self.content),
            standings={
                (member(n), "server"): Standing(
                    "primary" if n == self.primary else "replica",
                    ready=n not in self.unready,
                    following="" if n == self.primary else "n0:7000",
                    lag=None if n == self.primary else 2048,
                )
                for n in self.content
                if node(n) not in self.away
            },
            nodes={node(n): Node(node(n), "debian-13", {"memory": "2 GiB"}) for n in range(3)},
            unreachable=self.away,
            problems=self.problems,
            holder=self.holder,
            turns={self.name: Turn(self.token, self.working)},
            revision=self.revision,
            documents=self.documents,
            unfinished=self.unfinished or unfinished(self.records),
            maintenance=self.held,
        )

    def apply(self, work: Sequence[Work], fence: Fence, events: Events) -> Mapping[str, Outcome]:
        outcomes = super().apply(work, fence, events)
        for item in work:
            if outcomes[item.where].error is None:
                self.content |= {int(item.where[-1]): self.wanted for _ in item.write}
        return outcomes

    def record(
        self, records: Sequence[Record], fence: Fence, document: Mapping[str, Any] | None = None
    ) -> None:
        super().record(records, fence, document)
        self.revision = max([self.revision, *(record.revision for record in records)])
        if document is not None:
            self.documents[self.revision] = document

    def maintain(self, upkeep: Upkeep, fence: Fence) -> Mapping[str, str]:
        self.held = {}
        if upkeep.seconds:
            one = Maintenance(upkeep.service, upkeep.seconds, 0.0, upkeep.who, upkeep.reason)
            self.held = {upkeep.service: one}
        return super().maintain(upkeep, fence)

    def logs(self, seat: Seat, component: str, lines: int, follow: bool) -> Sequence[str]:
        return ("echo", f"{lines} lines of {seat.member} {component}")

    def break_lock(self, reason: str, who: str) -> Holder | None:
        self.broken.append(reason)
        return self.holder


def _seat(number: int) -> Seat:
    return Seat(member(number), "server", f"n{number}", f"rack-{number % 2}", "debian-13")


@dataclass
class World:
    """The target, and the folder in which opsctl is called."""

    target: WatchedTarget
    folder: Path
    more_targets: dict[str, WatchedTarget] = field(default_factory=dict)
    silence: Callable[[Quiet], None] = lambda _: None
    copy_record: Callable[[Record], None] = lambda _: None
    versions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    keep_versions: Callable[[str, Mapping[str, str]], None] = lambda _, __: None

    def call(self, *words: str) -> int:
        """Runs the command as a shell would."""
        return main(words)

    def parts(
        self,
        files: Sequence[Path],
        sets: Sequence[str] = (),
        *,
        unsupported: bool = False,
        force_conflicts: bool = False,
        hasty: bool = False,
    ) -> Parts:
        return self._parts(load(files, sets, engines={"demo": DemoService}))

    def _parts(self, spec: Environment) -> Parts:
        return Parts(
            environment=spec,
            engines={"demo": Demo()},
            targets={"dc": self.target, **self.more_targets},
            secrets=SimpleNamespace(key=b"k", value=lambda ref: "v"),  # type: ignore[arg-type]
            render=lambda engine: None,  # type: ignore[arg-type, return-value]
            who="tester",
            copy_record=self.copy_record,
            with_document=lambda document: self._parts(
                load_data(document, engines={"demo": DemoService}, read_with=spec)
            ),
            with_versions=lambda versions: self._parts(spec),
            versions=self.versions,
            keep_versions=self.keep_versions,
            silence=self.silence,
        )


def make_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An environment of which nothing is built yet."""
    (tmp_path / "opsctl.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("OPSCTL_DEBUG", "OPSCTL_OUTPUT", "OPSCTL_FILE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    made = World(WatchedTarget(), tmp_path)
    wire(monkeypatch, parts=made.parts)
    monkeypatch.setattr("opsctl.discovery.engines", lambda: {"demo": Demo()})
    return made


def answering(monkeypatch: pytest.MonkeyPatch, words: str, before: Any = lambda: None) -> None:
    """Somebody sits at the terminal and types these words."""
    monkeypatch.setattr("opsctl.cli.views.screen.Screen.interactive", True)

    def readline() -> str:
        before()
        return words + "\n"

    monkeypatch.setattr("sys.stdin.readline", readline, raising=False)


def wire(monkeypatch: pytest.MonkeyPatch, **functions: Callable[..., Any]) -> None:
    """Puts these in the place of opsctl.wiring."""
    wiring = SimpleNamespace(**functions)
    monkeypatch.setitem(sys.modules, "opsctl.wiring", wiring)
    monkeypatch.setattr(opsctl, "wiring", wiring, raising=False)
