"""The doors of a target into its pods and nodes, as `Reach` opens them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from opsctl.ports import Asked, Fence, NodeJob, Upkeep
from opsctl.targets.kubernetes.asking import Answers
from opsctl.targets.kubernetes.pinning import pin
from opsctl.targets.kubernetes.reaching import Reach, Spoken
from opsctl.workload import Answer, Seat


class PodDoors:
    """See opsctl.ports.Target for what each method gives."""

    reach: Reach

    def ask(self, asked: Sequence[Asked], fence: Fence | None = None) -> Answers:
        return self.reach.ask(asked, fence)

    def on_nodes(
        self, jobs: Sequence[NodeJob], fence: Fence | None = None
    ) -> tuple[Answer | None, ...]:
        return self.reach.on_nodes(jobs, fence)

    def located(self, seats: Sequence[Seat]) -> tuple[Seat, ...]:
        return self.reach.located(seats)

    def log_lines(
        self, places: Sequence[tuple[Seat, str]], since: float
    ) -> tuple[Spoken | None, ...]:
        return self.reach.log_lines(places, since)

    def cut_power(self, seats: Sequence[Seat], seconds: float) -> bool:
        return self.reach.cut_power(seats, seconds)

    def take_pod(self, seat: Seat, fence: Fence, *, evict: bool) -> None:
        self.reach.take_pod(seat, fence, evict=evict)

    def beside(self, seat: Seat, argv: Sequence[str]) -> Sequence[str]:
        return self.reach.beside(seat, argv)

    def tunnel(self, seat: Seat, port: int) -> AbstractContextManager[int]:
        return self.reach.tunnel(seat, port)

    def logs(self, seat: Seat, component: str, lines: int, follow: bool) -> Sequence[str]:
        return self.reach.logs(seat, component, lines, follow)

    def _pin(self, upkeep: Upkeep) -> Mapping[str, str]:
        """Arms the end and holds the servers themselves; what failed, in words, by place."""
        if not upkeep.pins:
            return {}
        return pin(self.reach.api, self.reach.site, self.reach.places(), upkeep)
