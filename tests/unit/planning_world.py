"""A world in memory for planning: things on nodes, each with one attribute. A stand-in for targets,
which the lab tests use for real; planning itself never meets more than these values."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.planning.desired import Desired
from opsctl.planning.observation import Observation
from opsctl.planning.plan import Step
from opsctl.planning.resource import Actual, Impact, Owned, Resource, ResourceId
from opsctl.workload import (
    Gate,
    Group,
    Member,
    Operations,
    Rolling,
    Seat,
    Standing,
    Standings,
    Workload,
)

Things = Mapping[tuple[int, str], str]


def node(number: int) -> str:
    return f"dc/n{number}"


def member(number: int) -> str:
    return f"demo-{number}"


def _always(standings: Standings) -> str:
    return ""


ALWAYS = Gate("it is always so", _always)


def workload(members: int = 4) -> Workload:
    seats = [Seat(member(n), "server", f"n{n}", "", "debian-13") for n in range(members)]
    return Workload(
        service="demo",
        engine="demo",
        groups=(Group("server", tuple(Member(seat, ()) for seat in seats), 1),),
        rolling=Rolling(("replica", "primary"), ALWAYS, ALWAYS, lambda standings, name: ()),
        operations=Operations(
            switchover=lambda standings, to: (),
            failover=lambda standings, to: (),
            remove=lambda standings, name: (),
            forget=lambda standings, gone: (),
            prove=lambda standings: (),
        ),
        formed=ALWAYS,
    )


def resource(number: int, kind: str, content: str) -> Resource:
    return Resource(
        id=ResourceId(kind, node(number), kind),
        service="" if kind == "package" else "demo",
        member="" if kind == "package" else member(number),
        desired={"content": content},
        impact={"content": Impact.RESTART if kind == "unit" else Impact.NONE},
        component="server" if kind == "unit" else "",
    )


def desired(things: Things, members: int = 4) -> Desired:
    return Desired(
        environment="test",
        document={"name": "test"},
        workloads={"demo": ("dc", workload(members))},
        resources=tuple(resource(n, kind, content) for (n, kind), content in things.items()),
    )


class World:
    def __init__(self, things: Things, running: set[int], primary: int | None = None) -> None:
        self.things = dict(things)
        self.running = running
        self.primary = primary

    def observation(self, foreign: Things | None = None) -> Observation:
        actual = {
            ResourceId(kind, node(n), kind): Actual(
                ResourceId(kind, node(n), kind), {"content": content}
            )
            for (n, kind), content in self.things.items()
        }
        for (n, kind), why in (foreign or {}).items():
            identity = ResourceId(kind, node(n), kind)
            actual[identity] = Actual(identity, None, foreign=why)
        return Observation(
            actual=actual,
            owned=tuple(
                Owned(ResourceId(kind, node(n), kind), "demo", member(n)) for n, kind in self.things
            ),
            standings={
                (member(n), "server"): Standing(
                    "primary" if n == self.primary else "replica", ready=True
                )
                for n in self.running
            },
        )

    def take(self, step: Step, goal: Desired) -> None:
        wanted = {item.id: item for item in goal.resources}
        for change in step.changes:
            key = (int(change.id.where[-1]), change.id.kind)
            if change.verb == "remove":
                del self.things[key]
            else:
                self.things[key] = wanted[change.id].desired["content"] or ""
