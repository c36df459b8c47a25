"""What was seen, in one look at everything a plan is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.errors import OpsError
from opsctl.planning.resource import Actual, Owned, ResourceId
from opsctl.workload import Facts, Seat, Standing, Standings, Workload


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an environment. Times are seconds since the epoch, by the target's clock."""

    token: int
    holder: str  # "ops@control (pid 4711): apply"
    since: float
    expires: float


@dataclass(frozen=True, slots=True)
class Turn:
    """The lock of one target as a look found it: its newest token, and who held it then."""

    token: int
    holder: str = ""  # "" for nobody


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that began and never said that it ended."""

    run: str
    who: str
    began: float
    revision: int
    done: tuple[str, ...]  # step ids, finished
    open: tuple[str, ...]  # step ids, not finished
    words: str = "apply"  # what it was to do


@dataclass(frozen=True, slots=True)
class Node:
    """One host or cluster node as it describes itself."""

    where: str
    system: str = ""  # "debian-13"
    facts: Mapping[str, str] = field(default_factory=dict)  # memory, cpus, python, clock, ...
    packages: Mapping[str, str] = field(default_factory=dict)  # wanted ones: installed version


@dataclass(frozen=True, slots=True)
class Problem:
    """Something found that stops an apply. `severity` warning lets it go on."""

    where: str
    error: OpsError
    severity: str = "error"


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A service that is held as it is: it does not fail over by itself and is not changed.

    `until` and `since` are seconds since the epoch, by the clock of the place that keeps it.
    """

    service: str
    until: float
    since: float
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A certificate as it lies there, and why another one is to be issued, "" for nothing."""

    pem: str
    amiss: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything one look found.

    Keys of `standings` are (member, component). `objects` holds what the `read` queries of the
    workloads' Objects gave, by (member, kind, name); one that could not be read is absent.
    """

    actual: Mapping[ResourceId, Actual] = field(default_factory=dict)
    owned: tuple[Owned, ...] = ()
    seats: Mapping[str, tuple[Seat, ...]] = field(default_factory=dict)  # by service, recorded
    standings: Mapping[tuple[str, str], Standing] = field(default_factory=dict)
    objects: Mapping[tuple[str, str, str], Facts] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    unreachable: Mapping[str, OpsError] = field(default_factory=dict)  # by where
    problems: tuple[Problem, ...] = ()
    holder: Holder | None = None
    turns: Mapping[str, Turn] = field(default_factory=dict)  # by target, those that answered
    unfinished: Unfinished | None = None
    noted: float = 0.0  # when the newest record of a journal was written, by its writer's clock
    revision: int = 0  # the newest revision of the spec that any target knows
    documents: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)  # revision -> spec
    maintenance: Mapping[str, Maintenance] = field(default_factory=dict)  # by service, those held
    generations: Mapping[str, int] = field(default_factory=dict)  # of derived secrets, last in use
    certificates: Mapping[tuple[str, str], Kept] = field(default_factory=dict)  # (member, name)

    def standings_of(self, workload: Workload) -> Standings:
        """Those of one workload's members among all that were observed."""
        names = {member.name for member in workload.members()}
        return {key: one for key, one in self.standings.items() if key[0] in names}
