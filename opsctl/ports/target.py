"""What a target offers: two pure functions and a few doors to the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from opsctl.errors import OpsError
from opsctl.model import ServiceBase
from opsctl.planning.observation import Holder, Observation
from opsctl.planning.resource import Resource, ResourceId
from opsctl.workload import Answer, Query, Seat, SeatNeed, Workload


@dataclass(frozen=True, slots=True)
class Fence:
    """Proof that the caller holds the environment's lock; places refuse an older token."""

    token: int
    holder: str


@dataclass(frozen=True, slots=True)
class Work:
    """What to do at one place in one wave: write these, remove those, then (re)start these.

    The target orders the work itself: packages, directories, files, units; removals in reverse.
    A process among `restart` is restarted even when nothing differs; one among `write` when it was
    started with something else than is desired now.
    """

    where: str
    write: tuple[Resource, ...] = ()
    restart: tuple[Resource, ...] = ()
    remove: tuple[ResourceId, ...] = ()
    step: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work at one place ended. `changed` holds what was really changed, in order."""

    where: str
    changed: tuple[ResourceId, ...] = ()
    error: OpsError | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One program to run beside a member: a Query's or a Call's."""

    seat: Seat
    component: str
    query: Query[Any]
    mutating: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened while working, for progress and journal. Never holds a secret."""

    where: str
    words: str
    kind: Literal["begin", "progress", "done", "failed", "wait"] = "progress"
    step: str = ""


Events = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal. `kind`: begin, step, end of a run; note, which stands alone. `at` is
    seconds since the epoch."""

    run: str
    kind: Literal["begin", "step", "end", "note"]
    at: float
    who: str
    words: str = ""
    step: str = ""
    ended: str = ""  # done; closed: given up, nothing is left to do; else why it ended
    revision: int = 0
    steps: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)


class Target(Protocol):
    """One named target of an environment, for example `dc`."""

    name: str

    def seat(
        self,
        services: Mapping[str, tuple[ServiceBase, tuple[SeatNeed, ...]]],
        recorded: Mapping[str, Sequence[Seat]],
    ) -> Mapping[str, tuple[Seat, ...]]:
        """Pure. A seat for every member; recorded ones stay. Raises OpsError: too few hosts, ..."""
        ...

    def recorded(self) -> Mapping[str, tuple[Seat, ...]]:
        """Seats as last seen from this machine, a guess that `observe` confirms or corrects."""
        ...

    def realise(
        self, workloads: Sequence[Workload], services: Mapping[str, ServiceBase]
    ) -> tuple[Resource, ...]:
        """Pure. Everything that must exist for these workloads, Objects not included."""
        ...

    def observe(self, resources: Sequence[Resource], workloads: Sequence[Workload]) -> Observation:
        """One look: the resources, what is owned, standings, lock and journal heads.

        A place that can't be reached is in `unreachable`; nothing is raised for it.
        """
        ...

    def apply(self, work: Sequence[Work], fence: Fence, events: Events) -> Mapping[str, Outcome]:
        """Does the work at all places side by side. Failures are in the outcomes."""
        ...

    def ask(
        self, asked: Sequence[Asked], fence: Fence | None = None
    ) -> Mapping[tuple[str, str], tuple[Answer, ...]]:
        """Runs programs beside members, in order per member, members side by side.

        By (member, component). Mutating ones want a fence. A member that can't be reached is
        absent.
        """
        ...

    def tunnel(self, seat: Seat, port: int) -> AbstractContextManager[int]:
        """A port on this machine's loopback that leads to the member's port."""
        ...

    def address(self, seat: Seat) -> str:
        """Where clients that can reach the target's network find the member."""
        ...

    def logs(self, seat: Seat, component: str, lines: int, follow: bool) -> Sequence[str]:
        """The command that prints the component's log: run by the caller, without a shell."""
        ...

    def acquire(self, holder: str, ttl: float) -> Fence:
        """Takes the lock. Raises OpsError (exit 7) that names who holds it and until when."""
        ...

    def renew(self, fence: Fence, ttl: float) -> None:
        """Raises OpsError when the lock was lost."""
        ...

    def release(self, fence: Fence) -> None: ...

    def break_lock(self, reason: str, who: str) -> Holder | None:
        """Takes the lock from its holder; gives who held it."""
        ...

    def record(
        self, records: Sequence[Record], fence: Fence, document: Mapping[str, Any] | None = None
    ) -> None:
        """Appends to the journal at every reachable place; `document` is kept as its revision."""
        ...

    def history(self, limit: int) -> tuple[Record, ...]:
        """The journal's newest records, oldest first."""
        ...
