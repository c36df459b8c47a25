"""The doors of a target into its pods and nodes, as the `Reach` of their namespace opens them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from opsctl.ports import Asked, Fence, NodeJob, Upkeep
from opsctl.targets.kubernetes.asking import Answers
from opsctl.targets.kubernetes.pinning import pin
from opsctl.targets.kubernetes.reaching import Reach, Spoken
from opsctl.workload import Answer, Seat

One = TypeVar("One")
Found = TypeVar("Found")


class PodDoors:
    """See opsctl.ports.Target for what each method gives."""

    reach: Reach
    reach_agents: Reach  # into the namespace of what looks at nodes

    def ask(self, asked: Sequence[Asked], fence: Fence | None = None) -> Answers:
        rooms = self._by_room(asked, lambda one: one.seat)
        several = [reach.ask(mine, fence) for reach, mine in rooms]
        return {key: answers for found in several for key, answers in found.items()}

    def on_nodes(
        self, jobs: Sequence[NodeJob], fence: Fence | None = None
    ) -> tuple[Answer | None, ...]:
        return self._in_order(
            jobs, lambda one: one.seat, lambda reach, mine: reach.on_nodes(mine, fence)
        )

    def located(self, seats: Sequence[Seat]) -> tuple[Seat, ...]:
        rooms = self._by_room(seats, lambda seat: seat)
        return tuple(seat for reach, mine in rooms for seat in reach.located(mine))

    def log_lines(
        self, places: Sequence[tuple[Seat, str]], since: float
    ) -> tuple[Spoken | None, ...]:
        return self._in_order(
            places, lambda one: one[0], lambda reach, mine: reach.log_lines(mine, since)
        )

    def cut_power(self, seats: Sequence[Seat], seconds: float) -> tuple[float, float] | None:
        return self.reach.cut_power(seats, seconds)

    def take_pod(self, seat: Seat, fence: Fence, *, evict: bool) -> None:
        self._room(seat).take_pod(seat, fence, evict=evict)

    def beside(self, seat: Seat, argv: Sequence[str]) -> Sequence[str]:
        return self._room(seat).beside(seat, argv)

    def tunnel(self, seat: Seat, port: int) -> AbstractContextManager[int]:
        return self._room(seat).tunnel(seat, port)

    def logs(self, seat: Seat, component: str, lines: int, follow: bool) -> Sequence[str]:
        return self._room(seat).logs(seat, component, lines, follow)

    def _pin(self, upkeep: Upkeep) -> Mapping[str, str]:
        """Arms the end and holds the servers themselves; what failed, in words, by place."""
        if not upkeep.pins:
            return {}
        return pin(self.reach.api, self.reach.site, self.reach.places(), upkeep)

    def _room(self, seat: Seat) -> Reach:
        agents = self.reach_agents
        return agents if seat.realm == agents.site.namespace else self.reach

    def _by_room(
        self, things: Sequence[One], seat: Callable[[One], Seat]
    ) -> list[tuple[Reach, list[One]]]:
        rooms = [(reach, [one for one in things if self._room(seat(one)) is reach])
                 for reach in (self.reach, self.reach_agents)]  # fmt: skip
        return [(reach, mine) for reach, mine in rooms if mine]

    def _in_order(
        self,
        things: Sequence[One],
        seat: Callable[[One], Seat],
        do: Callable[[Reach, Sequence[One]], Sequence[Found]],
    ) -> tuple[Found, ...]:
        """What `do` gives for each of the things, in the things' order."""
        rooms = self._by_room(things, seat)
        left = {id(reach): iter(do(reach, mine)) for reach, mine in rooms}
        return tuple(next(left[id(self._room(seat(one)))]) for one in things)
