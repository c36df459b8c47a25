"""Writes down what is done, where the doing is seen by everybody: on the targets."""

from __future__ import annotations

import secrets as random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

from opsctl.planning.plan import Plan, Step
from opsctl.ports import GENERATION, Fence, Record, Target

_TICK = 0.001  # seconds
NOTHING: Mapping[str, str] = MappingProxyType({})


def run_id() -> str:
    """Unique, and sorted by time: 20261121T073100-4f2a."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + "-" + random.token_hex(2)


class Journal:
    """One run's lines, at every target, with a copy at the caller."""

    def __init__(
        self,
        run: str,
        who: str,
        targets: Mapping[str, Target],
        fences: Mapping[str, Fence],
        revision: int,
        copy: Callable[[Record], None],
        generations: Mapping[str, int] | None = None,
        say: Callable[[str], None] = lambda _words: None,
        after: float = 0.0,
    ) -> None:
        """`generations` of derived secrets are noted at the beginning. `say` is told, once, when
        there is no copy at the caller. `after` is when the newest record that was seen was
        written: this run's come later, however slow the clock here, for their times say what came
        after what."""
        self.run = run
        self._who = who
        self._targets = targets
        self._fences = fences
        self._revision = revision
        self._copy = copy
        self._generations = generations or {}
        self._say = say
        self._after = after
        self._whole = True  # nothing is missing in the copy so far

    def begin(self, plan: Plan) -> None:
        """Says what is about to be done, and keeps the spec, where it is applied, as a revision."""
        used = {f"{GENERATION}{name}": str(n) for name, n in sorted(self._generations.items())}
        record = replace(
            self._record("begin"),
            words=plan.title,
            steps=tuple(step.id for step in plan.steps),
            reach=plan.reach,
            details=used,
        )
        document = plan.document if plan.reach != "none" else None
        for name, fence in self._fences.items():
            self._targets[name].record([record], fence, document)
        self._keep(record)

    def steps(self, steps: Sequence[Step], ended: str) -> None:
        self._write(
            [
                replace(self._record("step"), step=step.id, words=step.title, ended=ended)
                for step in steps
            ]
        )

    def end(self, ended: str, outcome: Mapping[str, str] = NOTHING) -> None:
        """`outcome`: what came of it, in words by name."""
        self._write([replace(self._record("end"), ended=ended, details=dict(outcome))])

    def _write(self, records: Sequence[Record]) -> None:
        for name, fence in self._fences.items():
            self._targets[name].record(records, fence)
        for record in records:
            self._keep(record)

    def _keep(self, record: Record) -> None:
        """The journal is what the targets have: a full disk at the caller ends no run."""
        try:
            self._copy(record)
        except OSError as error:
            if self._whole:
                self._say(f"no copy of the journal is kept on this machine: {error}")
            self._whole = False

    def _record(self, kind: Literal["begin", "step", "end"]) -> Record:
        """What all of the run's lines have; none is of the same moment as another."""
        self._after = max(time.time(), self._after + _TICK)
        return Record(
            run=self.run,
            kind=kind,
            at=self._after,
            who=self._who,
            revision=self._revision,
        )
