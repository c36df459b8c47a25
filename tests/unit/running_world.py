"""A target in memory, for tests of the runner's own decisions: whom it takes next, when it stops,
what it undoes. The lab tests run the same runner against real hosts and servers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from planning_world import member, node

from opsctl.errors import Exit, OpsError
from opsctl.planning.observation import Holder, Maintenance, Observation
from opsctl.planning.plan import Plan, Step
from opsctl.planning.resource import Impact, Resource, ResourceId
from opsctl.ports import Asked, Events, Fence, NodeJob, Outcome, Record, Upkeep, Work
from opsctl.running.context import Context, Stop
from opsctl.workload import (
    Act,
    Answer,
    Call,
    Command,
    Component,
    Gate,
    Group,
    Member,
    Operations,
    Query,
    Rolling,
    Seat,
    SeatNeed,
    Software,
    Standing,
    Standings,
    Workload,
)


def _parse(answer: Answer) -> Standing:
    role, ready = answer.stdout.split()
    return Standing("primary" if role == "primary" else "replica", ready=ready == "yes")


HEALTH = Query(("ask",), _parse)


def accepted(answer: Answer) -> str:
    return "" if answer.exit == 0 else answer.stderr


def call(words: str, number: int, *argv: str) -> Call:
    return Call(words, member(number), "server", argv, accepted)


def _ready(standings: Standings) -> str:
    down = [name for (name, _), standing in standings.items() if not standing.ready]
    return f"{down[0]} is not ready" if down else ""


def _handover(standings: Standings, name: str) -> tuple[Act, ...]:
    number = int(name[-1])
    heir = next(int(other[-1]) for (other, _) in standings if other != name)
    return (
        Act(call("pause writes", number, "pause"), undo=(call("unpause", number, "unpause"),)),
        Act(call("promote", heir, "promote")),
    )


READY = Gate("all are ready", _ready, timeout=1.0)


def workload(members: int = 3) -> Workload:
    component = Component("server", Software({}), Command(("serve",)), "demo", health=HEALTH)
    seats = [Seat(member(n), "server", f"n{n}", "", "debian-13") for n in range(members)]
    return Workload(
        service="demo",
        engine="demo",
        groups=(Group("server", tuple(Member(seat, (component,)) for seat in seats), 2),),
        rolling=Rolling(("replica", "primary"), READY, READY, _handover),
        operations=Operations(
            switchover=lambda standings, to: _handover(standings, to),
            failover=lambda standings, to: (),
            remove=lambda standings, name: (Act(call("leave", int(name[-1]), "leave")),),
            forget=lambda standings, gone: (Act(call(f"forget {gone}", 0, "forget")),),
            prove=lambda standings: (Act(call("prove", 0, "prove")),),
        ),
        formed=READY,
    )


def unit(number: int, content: str = "new") -> Resource:
    return Resource(
        ResourceId("unit", node(number), "unit"),
        "demo",
        member(number),
        {"loaded": content},
        impact={"loaded": Impact.RESTART},
        component="server",
    )


@dataclass
class MemoryTarget:
    """Does what it is told and writes it down. `fails` names places or words that fail."""

    name: str = "dc"
    pods: bool = False
    primary: int = 0
    unready: set[int] = field(default_factory=set)
    fails: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    held: dict[str, Maintenance] = field(default_factory=dict)
    missed: dict[str, str] = field(default_factory=dict)  # places that keep no maintenance
    records: list[Record] = field(default_factory=list)
    members: int = 3
    kept: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # revision -> spec
    away: set[int] = field(default_factory=set)  # members whose place does not answer
    token: int = 0  # of the lock, the newest
    available: dict[str, Mapping[str, str]] = field(default_factory=dict)  # by system

    def newest(self, workloads: Sequence[Any]) -> Mapping[str, Mapping[str, str]]:
        return self.available

    def seat(
        self, services: Mapping[str, Any], recorded: Mapping[str, Sequence[Seat]]
    ) -> Mapping[str, tuple[Seat, ...]]:
        raise AssertionError("the runner seats nobody")

    def recorded(self, *, ask: bool = True) -> Mapping[str, tuple[Seat, ...]]:
        return {}

    def expecting(self) -> AbstractContextManager[None]:
        return nullcontext()

    def realise(self, workloads: Sequence[Workload], services: Mapping[str, Any]) -> Any:
        raise AssertionError("the runner realises nothing")

    def observe(self, resources: Sequence[Resource], workloads: Sequence[Workload]) -> Observation:
        raise AssertionError("the runner asks, it does not observe")

    def apply(self, work: Sequence[Work], fence: Fence, events: Events) -> Mapping[str, Outcome]:
        outcomes = {}
        self.log.append(f"apply {' and '.join(item.where for item in work)}")
        for item in work:
            failed = item.where in self.fails
            error = OpsError("test/failed", f"{item.where} failed") if failed else None
            outcomes[item.where] = Outcome(item.where, error=error)
        return outcomes

    def ask(
        self, asked: Sequence[Asked], fence: Fence | None = None
    ) -> Mapping[tuple[str, str], tuple[Answer, ...]]:
        return {
            (item.seat.member, item.component): (self._answer(item),)
            for item in asked
            if int(item.seat.member[-1]) not in self.away
        }

    def _answer(self, item: Asked) -> Answer:
        number = int(item.seat.member[-1])
        verb = item.query.argv[0]
        if verb == "ask":
            role = "primary" if number == self.primary else "replica"
            return Answer(0, f"{role} {'no' if number in self.unready else 'yes'}")
        self.log.append(f"{verb} {item.seat.member}")
        if verb in self.fails:
            return Answer(1, "", "no")
        if verb == "promote":
            self.primary = number
        return Answer(0, "")

    def on_nodes(
        self, jobs: Sequence[NodeJob], fence: Fence | None = None
    ) -> tuple[Answer | None, ...]:
        raise AssertionError

    def take_pod(self, seat: Seat, fence: Fence, *, evict: bool) -> None:
        raise AssertionError

    def located(self, seats: Sequence[Seat]) -> tuple[Seat, ...]:
        return tuple(seats)

    def log_lines(
        self, places: Sequence[tuple[Seat, str]], since: float
    ) -> tuple[tuple[str, tuple[tuple[float, str], ...]] | None, ...]:
        raise AssertionError

    def cut_power(self, seats: Sequence[Seat], seconds: float) -> bool:
        raise AssertionError

    def beside(self, seat: Seat, argv: Sequence[str]) -> Sequence[str]:
        raise AssertionError

    def clocks(self) -> Mapping[str, tuple[float, float]]:
        return {}

    def tunnel(self, seat: Seat, port: int) -> AbstractContextManager[int]:
        raise AssertionError

    def address(self, seat: Seat) -> str:
        return seat.node

    def logs(self, seat: Seat, component: str, lines: int, follow: bool) -> Sequence[str]:
        raise AssertionError

    def acquire(self, holder: str, ttl: float) -> Fence:
        if "lock" in self.fails:
            raise OpsError("lock/held", "somebody holds it")
        self.log.append("acquire")
        self.token += 1
        return Fence(self.token, holder)

    def renew(self, fence: Fence, ttl: float) -> None: ...

    def release(self, fence: Fence) -> None:
        self.log.append("release")

    def break_lock(self, reason: str, who: str) -> Holder | None:
        return None

    def record(
        self, records: Sequence[Record], fence: Fence, document: Mapping[str, Any] | None = None
    ) -> None:
        if any(record.kind in self.fails for record in records):
            raise OpsError("hosts/fenced", "somebody else came after", exit=Exit.REFUSED)
        self.records += [replace(record, at=0.0) for record in records]

    def document(self, revision: int) -> Mapping[str, Any] | None:
        return self.kept.get(revision)

    def maintain(self, upkeep: Upkeep, fence: Fence) -> Mapping[str, str]:
        self.log.append(f"hold {upkeep.service} for {upkeep.seconds:g} s: {upkeep.reason}")
        return self.missed

    def maintenance(self) -> Mapping[str, Maintenance]:
        return self.held

    def history(self, limit: int) -> tuple[Record, ...]:
        return tuple(self.records)


NEEDS = SeatNeed("server", 3)


def context(target: MemoryTarget, steps: tuple[Step, ...], stop: Stop | None = None) -> Context:
    return Context(
        plan=Plan("test", {}, steps),
        workloads={"demo": ("dc", workload(target.members))},
        resources={unit(n).id: unit(n) for n in range(target.members)},
        targets={"dc": target},
        fences={"dc": Fence(1, "me")},
        objects={},
        events=lambda event: None,
        stop=stop or Stop(),
        monotonic=time.monotonic,
    )
