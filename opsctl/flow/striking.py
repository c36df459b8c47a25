"""Strikes are dealt through a target's doors, and taken back; hosts that fell are awaited."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from opsctl.drills.packets import NOTHING
from opsctl.drills.strikes import Strike
from opsctl.drills.timeline import Event
from opsctl.errors import OpsError
from opsctl.ports import Fence, NodeJob, Target
from opsctl.workload import Seat, Text

OFF = 20.0  # seconds that a host without power stays off
BOOT = 300.0  # seconds until a host must be back
_STRUCK = re.compile(r"^struck ([0-9.]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Blows:
    """The strikes of one drill, all at once. `seats` are by member; `seconds` 0: as is usual."""

    target: Target
    fence: Fence
    seats: Mapping[str, Seat]
    strikes: Sequence[Strike]
    seconds: float

    def strike(self) -> Iterator[Event]:
        """When each host was struck, by its own clock. Raises drills/strike."""
        at = time.time()
        cut = self._power_cut() if self._restarts else None
        if cut is not None:
            for one in self.strikes:
                doubt = (cut[1] - cut[0]) / 2
                yield Event(cut[0] + doubt, "", "strike", f"{one.words}, {one.node}", doubt)
            return
        if any(one.takes for one in self.strikes):
            yield from self._pods_taken(at)
            return
        jobs = [self._job(one, one.script) for one in self.strikes]
        answers = self.target.on_nodes(jobs, self.fence)
        for one, answer in zip(self.strikes, answers, strict=True):
            found = _STRUCK.search(answer.stdout) if answer else None
            failed = answer is not None and NOTHING in answer.stdout
            if failed or (found is None and not one.restarts):
                said = answer.stderr.strip() if answer else "it can't be reached"
                raise OpsError("drills/strike", f"could not strike: {said}", where=one.node)
            if found:
                yield Event(float(found[1]), one.node, "strike", one.words)
            else:  # it went down before it could say when
                yield Event(at, "", "strike", f"{one.words}, {one.node}", time.time() - at)

    def _pods_taken(self, at: float) -> Iterator[Event]:
        for one in self.strikes:
            evict = one.takes == "evict"
            self.target.take_pod(self.seats[one.member], self.fence, evict=evict)
            yield Event(at, "", "strike", f"{one.words}, {one.node}", time.time() - at)

    def undo(self) -> None:
        """Ends what lasts. Done twice it does nothing; the hosts do it themselves in the end."""
        lasting = [one for one in self.strikes if not one.restarts and not one.takes]
        if lasting:
            self.target.on_nodes([self._job(one, one.undo) for one in lasting], self.fence)

    def back(self) -> bool:
        """Whether all hosts that were struck answer."""
        jobs = [self._job(one, Text(("true",))) for one in self.strikes]
        return None not in self.target.on_nodes(jobs)

    @property
    def _restarts(self) -> bool:
        return bool(self.strikes) and all(one.restarts for one in self.strikes)

    def _power_cut(self) -> tuple[float, float] | None:
        seats = [self.seats[one.member] for one in self.strikes]
        return self.target.cut_power(seats, self.seconds or OFF)

    def _job(self, one: Strike, script: Text) -> NodeJob:
        return NodeJob(self.seats[one.member], one.component, script)
