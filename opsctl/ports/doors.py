"""What goes in and out through a target's doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsctl.errors import OpsError
from opsctl.planning.plan import Reach
from opsctl.planning.resource import Resource, ResourceId
from opsctl.workload import Pin, Query, Seat, Text


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
