"""What is asked of a member and what is done to it.

A `Query` reads, a `Call` acts and is idempotent. Both are one program run beside the member, with
credentials on standard input, never in the arguments; a query may name a shorter way. A `Gate` says
what must hold before the next step, in terms of the standings of all members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from opsctl.workload.text import Text

T = TypeVar("T")
Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said. `exit` is -1 when it could not be run or ran out of time."""

    exit: int
    stdout: str
    stderr: str = ""


@dataclass(frozen=True, slots=True)
class Dial:
    """A port of the member's own host, and what to send there. What comes until the server hangs up
    is the answer, so the text ends with what makes it hang up."""

    port: int
    text: Text


@dataclass(frozen=True, slots=True)
class Spoken:
    """A question put to the server itself: a target that can spares the program, whose start costs
    more than the answer. `shown` turns what came into what the program would have said."""

    dial: Dial
    shown: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Steady:
    """What the program's answer depends on, besides its arguments and standard input: what `dial`
    gives, and the content of `files` beside the member. As long as all that is the same a target
    may repeat the answer that it had."""

    dial: Dial
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """A read-only question; `parse` turns any answer, a failure too, into a value.

    `job`: the component's job whose folder the program needs, and with whose bounds it runs.
    `short`: how the same is known without the program.
    """

    argv: tuple[str, ...]
    parse: Callable[[Answer], T]
    stdin: Text = field(default_factory=Text)
    timeout: float = 3.0  # seconds
    job: str = ""
    short: Spoken | Steady | None = None


Role = Literal["primary", "replica", "arbiter", "unknown"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one component of one member stands, as it says itself.

    `ready`: may serve its role's traffic. `following`: the member it replicates from (an address
    or a name, the engine's own words). `lag` is in bytes behind the primary as far as the member
    knows, None when it can't know.
    """

    role: Role
    ready: bool
    reason: str = ""  # why not ready, in words
    following: str = ""
    offset: int | None = None  # position in the replication stream, bytes
    lag: int | None = None
    details: Facts = field(default_factory=dict)


# By (member, component). A member that did not answer is absent.
Standings = Mapping[tuple[str, str], Standing]


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition over all members; `holds` returns "" when it does, else the reason in words."""

    words: str
    holds: Callable[[Standings], str]
    timeout: float = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Call:
    """One idempotent action beside one member; `refused` returns "" when it was accepted. `job`: as
    that of a Query."""

    words: str
    member: str
    component: str
    argv: tuple[str, ...]
    refused: Callable[[Answer], str]
    stdin: Text = field(default_factory=Text)
    timeout: float = 10.0  # seconds
    job: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """A call, what must hold after it, and what undoes it if that does not come to hold.

    `lasting`: what it does stays unless it is undone. A wait and a proof leave nothing behind.
    `meanwhile`: said every 5 seconds while `until` is awaited, since its effect ends by itself.
    """

    call: Call
    until: Gate | None = None
    undo: tuple[Call, ...] = ()
    lasting: bool = True
    meanwhile: Call | None = None


@dataclass(frozen=True, slots=True)
class Object:
    """A thing that lives inside a server: a live setting, a user, a topic.

    `desired` and what `read` gives are compared key by key; only keys of `desired` count. `write`
    is handed the keys that differ.
    """

    kind: str
    name: str
    member: str
    component: str
    desired: Facts
    read: Query[Facts | None]  # None: could not be read
    write: Callable[[Facts], Call]
    effect: Literal["none", "failover"] = "none"
    first: bool = False  # the others need it before they restart: at every member before any does
    held: frozenset[str] = frozenset()  # keys that a Hold changes: not compared while one is on


@dataclass(frozen=True, slots=True)
class Pin:
    """Keeps one process from failing its service over, and lets it again.

    Both programs run beside the member, are idempotent, need no standard input, and end with 0 only
    when they have seen that it took hold. The place itself runs `release` when the time is over,
    with no caller there.
    """

    member: str
    component: str
    hold: tuple[str, ...]
    release: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """What keeps a service as it is for a while; without `pins` nothing moves by itself there.

    `longest`: seconds that the pins hold at most, None for any time.
    """

    pins: tuple[Pin, ...] = ()
    longest: float | None = None


@dataclass(frozen=True, slots=True)
class Rolling:
    """How a change goes round the members: one at a time, the least important role first.

    `handover` gives the acts that move the primary role away before its holder is stopped.
    `mends(standings, member)`: the service is whole again only once this member was down, so its
    turn waits for nothing and hands nothing over.
    `leave_first`: who leaves goes before the others hear of it, because one they forgot would take
    itself for alone.
    """

    order: tuple[Role, ...]
    before: Gate  # holds before any member is taken down
    after: Gate  # holds before the next member is taken
    handover: Callable[[Standings, str], tuple[Act, ...]]
    leave_first: bool = False
    mends: Callable[[Standings, str], bool] = lambda _standings, _member: False


@dataclass(frozen=True, slots=True)
class Operations:
    """The verbs of a service, as acts decided from what is observed when they run.

    `switchover(standings, to)`: `to` is a member or "" for the best. `remove(standings, member)`:
    what takes a member out of the service before it is stopped. `forget(standings, gone)`: what
    makes the remaining members forget those that left; `gone` is empty where they are known by
    address alone, and whoever is no member is meant. `prove(standings)`: acts that show that the
    service serves (a write is read back). An operation that can't be had raises OpsError.
    """

    switchover: Callable[[Standings, str], tuple[Act, ...]]
    failover: Callable[[Standings, str], tuple[Act, ...]]
    remove: Callable[[Standings, str], tuple[Act, ...]]
    forget: Callable[[Standings, tuple[str, ...]], tuple[Act, ...]]
    prove: Callable[[Standings], tuple[Act, ...]]
