"""What a target offers: two pure functions and a few doors to the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from opsctl.model import ServiceBase
from opsctl.planning.observation import Holder, Maintenance, Observation
from opsctl.planning.resource import Resource
from opsctl.ports.doors import Asked, Events, Fence, NodeJob, Outcome, Record, Upkeep, Work
from opsctl.workload import Answer, Seat, SeatNeed, Workload


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
