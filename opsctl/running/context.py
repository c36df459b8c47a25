"""What a run needs at hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from opsctl.errors import Exit, OpsError
from opsctl.planning.plan import Plan, Step
from opsctl.planning.resource import Resource, ResourceId
from opsctl.planning.workloads import Workloads
from opsctl.ports import Event, Events, Fence, Target
from opsctl.running.asking import standings_of
from opsctl.workload import Object, Quiet, Standings, Workload


class Stop:
    """A wish to stop at the next safe point; a signal handler or a lost lock sets it."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self.error: OpsError | None = None

    def ask(self, error: OpsError | None = None) -> None:
        self.error = self.error or error
        self._asked.set()

    def wait(self, seconds: float) -> bool:
        """Sleeps, or returns True at once when asked to stop."""
        return self._asked.wait(seconds)

    def check(self) -> None:
        """Raises OpsError `run/interrupted`, or the error that the stop was asked with."""
        if self._asked.is_set():
            raise self.error or OpsError(
                "run/interrupted",
                "stopped at a safe point, as asked",
                exit=Exit.INTERRUPTED,
            )


Performer: TypeAlias = "Callable[[Step, Context], None]"
Silence: TypeAlias = Callable[[Quiet], None]
NOTHING_MORE: Mapping[str, Performer] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Context:
    """`workloads` holds every member that is there, those that are about to leave included.

    `objects` are those of the spec, where members that leave count no more. `told` are the words of
    gates that the reader of the events knows by now. `gone`: members that this run took away.
    `missed`: what could not be done and does not stop the rest, in words. `changed`: members and
    places at which something is not as it was before, also by a step that failed. `outcome` is what
    came of the run, for the record that ends it. `silence` tells the Alertmanager that others run,
    if any. `watched_from` names the targets whose services' alerts are heard at a target.
    """

    plan: Plan
    workloads: Workloads
    resources: Mapping[ResourceId, Resource]
    targets: Mapping[str, Target]
    fences: Mapping[str, Fence]
    objects: Mapping[str, tuple[Object, ...]]
    events: Events
    stop: Stop = field(default_factory=Stop)
    told: set[str] = field(default_factory=set)
    missed: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    outcome: dict[str, str] = field(default_factory=dict)
    monotonic: Callable[[], float] = field(default=lambda: 0.0)
    more: Mapping[str, Performer] = field(default_factory=lambda: NOTHING_MORE)
    placed: Callable[[Target, Workload, Collection[str]], Workload] = field(
        default=lambda _target, workload, _gone: workload
    )
    silence: Silence = field(default=lambda _quiet: None)
    watched_from: Callable[[str], Collection[str]] = field(default=lambda on: (on,))

    def service(self, name: str) -> Service:
        """With the members that are there now."""
        on, workload = self.workloads[name]
        target = self.targets[on]
        return Service(self, target, self.placed(target, workload, self.gone))

    def say(self, words: str, *, where: str = "", step: str = "") -> None:
        self.events(Event(where=where, words=words, step=step))


@dataclass(frozen=True, slots=True)
class Service:
    """A service in a run, and the target that it is on."""

    context: Context
    target: Target
    workload: Workload

    @property
    def fence(self) -> Fence:
        return self.context.fences[self.target.name]

    def standings(self) -> Standings:
        """How it stands now; who does not answer is absent."""
        return standings_of(self.target, self.workload)
