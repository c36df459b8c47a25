"""What is silenced, and whether rules are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts with all of these labels are told to nobody until `ends` (seconds since the epoch)."""

    id: str
    labels: Mapping[str, str]
    ends: float
    by: str
    reason: str


class Silences(Protocol):
    """An Alertmanager. All raise OpsError: alerts/away where nobody answers in time, alerts/refused
    with its words where it does not want to."""

    def there(self) -> tuple[Silence, ...]:
        """Those that are not over, the next to end first."""
        ...

    def add(self, labels: Mapping[str, str], seconds: float, by: str, reason: str) -> str:
        """Gives its id."""
        ...

    def end(self, id: str) -> None:
        """It is over at once."""
        ...


class RuleTool(Protocol):
    """Prometheus's own judge of rules. Raises OpsError `promtool/missing`."""

    def check(self, files: Mapping[str, str]) -> Mapping[str, str]:
        """By the name of a rule file: what is wrong with it."""
        ...

    def test(self, rules: Mapping[str, str], tests: Mapping[str, str]) -> Mapping[str, str]:
        """By the name of a test file, each of which names its rules: what did not come out so."""
        ...
