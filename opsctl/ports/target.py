"""What a target offers: two pure functions and a few doors to the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from opsctl.errors import OpsError
from opsctl.model import ServiceBase
from opsctl.planning.observation import Holder, Maintenance, Observation
from opsctl.planning.plan import Reach
from opsctl.planning.resource import Resource, ResourceId
from opsctl.workload import Answer, Pin, Query, Seat, SeatNeed, Text, Workload


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


# Words in a script for a node that its target fills in, for the process of a job's component.
SIGNAL = "{signal}"  # `{signal} STOP` sends a signal to all of it
START = "{start}"  # starts it where its supervisor has given it up
ROOT = "{root}"  # before a path as the member sees it; refused where no node's path is as lasting


@dataclass(frozen=True, slots=True)
class NodeJob:
    """A shell script for a member's node itself, run there by its administrator.

    SIGNAL and START in it are filled in for the process of the member's `component`, ROOT for its
    files.
    """

    seat: Seat
    component: str
    script: Text
    timeout: float = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Upkeep:
    """A service's maintenance, to be kept by its places themselves; `seconds` 0 ends it."""

    service: str
    seconds: float
    who: str
    reason: str = ""
    pins: tuple[tuple[Seat, Pin], ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened while working, for progress and journal. Never holds a secret."""

    where: str
    words: str
    kind: Literal["begin", "progress", "done", "failed", "wait"] = "progress"
    step: str = ""


Events = Callable[[Event], None]


# The code of an error: too few places answer to renew a lock, which may well be held still.
OUT_OF_REACH = "lock/out-of-reach"

# Before a derived secret's name among the details of a record that begins a run: its generation.
GENERATION = "generation "


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
    ended: str = ""  # done; closed: nothing was left to do (an older opsctl); else why
    revision: int = 0
    steps: tuple[str, ...] = ()
    reach: Reach | Literal[""] = ""  # of a run that begins; "" of one that an older opsctl began
    details: Mapping[str, str] = field(default_factory=dict)


class Target(Protocol):
    """One named target of an environment, for example `dc`.

    `pods`: whether its members are pods; only who runs there too reaches what they serve.
    """

    name: str
    pods: bool

    def seat(
        self,
        services: Mapping[str, tuple[ServiceBase, tuple[SeatNeed, ...]]],
        recorded: Mapping[str, Sequence[Seat]],
    ) -> Mapping[str, tuple[Seat, ...]]:
        """Pure. A seat for every member; recorded ones stay. Raises OpsError: too few hosts, ..."""
        ...

    def recorded(self, *, ask: bool = True) -> Mapping[str, tuple[Seat, ...]]:
        """Seats as last seen from this machine, a guess that `observe` confirms or corrects. Places
        that it has not seen yet may be asked, unless `ask` is False."""
        ...

    def expecting(self) -> AbstractContextManager[None]:
        """While it lasts, a look is expected soon: what it needs first, whatever it will be about,
        begins beside the caller's own work. Raises nothing for a place that can't be reached."""
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

    def on_nodes(
        self, jobs: Sequence[NodeJob], fence: Fence | None = None
    ) -> tuple[Answer | None, ...]:
        """Runs scripts on nodes side by side, those of one node in order; answers in the order of
        `jobs`, None from a node that could not be reached. Jobs that change something want a fence.
        """
        ...

    def located(self, seats: Sequence[Seat]) -> tuple[Seat, ...]:
        """The seats with the nodes that their members are on now, where that is not for ever. One
        that stood for members on all nodes is replaced by theirs."""
        ...

    def log_lines(
        self, places: Sequence[tuple[Seat, str]], since: float
    ) -> tuple[tuple[str, tuple[tuple[float, str], ...]] | None, ...]:
        """What components of members have said since then, in the order of `places`: their node,
        and each line with its time by the node's clock. None where nobody could be asked.
        """
        ...

    def cut_power(self, seats: Sequence[Seat], seconds: float) -> tuple[float, float] | None:
        """Takes the power of the members' nodes, all at once, and gives it back after `seconds`
        whatever becomes of the caller. The first and the last moment in which they may have lost
        it, by this machine's clock; None where that can't be done from here.
        """
        ...

    def take_pod(self, seat: Seat, fence: Fence, *, evict: bool) -> None:
        """Deletes the member's pod, or evicts it as a drain of its node does.

        Raises OpsError: drills/no-pods on hosts, drills/evict where a budget holds it.
        """
        ...

    def beside(self, seat: Seat, argv: Sequence[str]) -> Sequence[str]:
        """The command that runs `argv` on the member's node, standard input and output passed
        through: run by the caller, without a shell."""
        ...

    def clocks(self) -> Mapping[str, tuple[float, float]]:
        """By node: how far its clock is ahead of this machine's, and how sure that is (seconds)."""
        ...

    def newest(self, workloads: Sequence[Workload]) -> Mapping[str, Mapping[str, str]]:
        """By system, then package: the newest version that every place of these workloads can get
        and that they allow. Empty where versions are the spec's own, as images are.

        Raises OpsError when places differ in what they can get, or one can get nothing.
        """
        ...

    def tunnel(self, seat: Seat, port: int) -> AbstractContextManager[int]:
        """A port on this machine's loopback that leads to the member's port."""
        ...

    def address(self, seat: Seat) -> str:
        """Where clients that can reach the target's network find the member; "" for one that has no
        address of its own: they come in at an entrance beside them."""
        ...

    def logs(self, seat: Seat, component: str, lines: int, follow: bool) -> Sequence[str]:
        """The command that prints the component's log: run by the caller, without a shell."""
        ...

    def acquire(self, holder: str, ttl: float) -> Fence:
        """Takes the lock. Raises OpsError (exit 7) that names who holds it and until when."""
        ...

    def renew(self, fence: Fence, ttl: float) -> None:
        """Raises OpsError when the lock was lost; OUT_OF_REACH where that can't be said."""
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

    def maintain(self, upkeep: Upkeep, fence: Fence) -> Mapping[str, str]:
        """Begins, lengthens or ends a maintenance at every place; what failed, in words, by place.

        Its end is armed at a place before anything is held there, and comes without opsctl. Raises
        OpsError when no place took it.
        """
        ...

    def maintenance(self) -> Mapping[str, Maintenance]:
        """What is held now, by service; a quick question, for who has the lock."""
        ...

    def history(self, limit: int) -> tuple[Record, ...]:
        """The newest records, oldest first. Raises OpsError when no place can be asked."""
        ...

    def document(self, revision: int) -> Mapping[str, Any] | None:
        """The spec of any revision that is still kept, however old; else None."""
        ...
