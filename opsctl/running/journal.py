"""Writes down what is done, where the doing is seen by everybody: on the targets."""

from __future__ import annotations

import secrets as random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from opsctl.planning.plan import Plan, Step
from opsctl.ports import Fence, Record, Target


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
    ) -> None:
        self.run = run
        self._who = who
        self._targets = targets
        self._fences = fences
        self._revision = revision
        self._copy = copy

    def begin(self, plan: Plan) -> None:
        """Says what is about to be done, and keeps the spec as its revision."""
        record = self._record(
            "begin", words=plan.title, steps=tuple(step.id for step in plan.steps)
        )
        for name, fence in self._fences.items():
            self._targets[name].record([record], fence, plan.document)
        self._copy(record)

    def steps(self, steps: Sequence[Step], ended: str) -> None:
        self._write(
            [self._record("step", step=step.id, words=step.title, ended=ended) for step in steps]
        )

    def end(self, ended: str) -> None:
        self._write([self._record("end", ended=ended)])

    def _write(self, records: Sequence[Record]) -> None:
        for name, fence in self._fences.items():
            self._targets[name].record(records, fence)
        for record in records:
            self._copy(record)

    def _record(
        self,
        kind: Literal["begin", "step", "end"],
        words: str = "",
        step: str = "",
        ended: str = "",
        steps: tuple[str, ...] = (),
    ) -> Record:
        return Record(
            run=self.run,
            kind=kind,
            at=time.time(),
            who=self._who,
            words=words,
            step=step,
            ended=ended,
            revision=self._revision,
            steps=steps,
        )
