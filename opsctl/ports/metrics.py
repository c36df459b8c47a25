"""What has been measured: a Prometheus that is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Series:
    """One line of an answer: its labels, and (seconds since the epoch, value) in order of time."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        return self.points[-1][1]


class Metrics(Protocol):
    """A Prometheus. Every method raises OpsError: metrics/away where nobody answers in time,
    metrics/refused with its words where it does not understand a question."""

    def now(self, expr: str) -> tuple[Series, ...]:
        """What `expr` is now; a scalar is a series without labels."""
        ...

    def over(self, expr: str, start: float, end: float, step: float) -> tuple[Series, ...]:
        """What it was from `start` to `end` (seconds since the epoch), every `step` seconds."""
        ...

    def values(self, label: str, among: str) -> tuple[str, ...]:
        """The values of a label among the series that a selector finds, sorted."""
        ...
