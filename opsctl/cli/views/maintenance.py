"""Services that are held as they are: shown before everything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.text import Text

from opsctl.cli.views.errors import UNSEEN, away_lines, error_data
from opsctl.cli.views.lines import STRONG, WARN, ago, line
from opsctl.cli.views.view import View
from opsctl.errors import OpsError
from opsctl.planning.observation import Maintenance


def maintenance_lines(held: Sequence[Maintenance], now: float) -> Iterator[Text]:
    """Each with who, why and until when; nothing when nothing is held."""
    for one in held:
        left = ago(max(0.0, one.until - now))
        until = f"{datetime.fromtimestamp(one.until, UTC):%Y-%m-%d %H:%M:%S} UTC"
        yield line((one.service, STRONG), (" is in maintenance", f"bold {WARN}"), f": {one.reason}")
        since = ago(max(0.0, now - one.since))
        yield line(f"  by {one.who} for {since}; it ends by itself in {left}, {until}")
    if held:
        yield Text()


def maintenance_data(one: Maintenance) -> dict[str, object]:
    """The same for programs; times in seconds since the epoch, by the targets' clocks."""
    return {
        "service": one.service,
        "until": one.until,
        "since": one.since,
        "who": one.who,
        "reason": one.reason,
    }


@dataclass(frozen=True, slots=True)
class MaintenanceView(View):
    """All of an environment; `now` is in seconds since the epoch. `away`: who can't be asked."""

    environment: str
    held: Sequence[Maintenance]
    now: float
    away: Sequence[OpsError] = ()

    def lines(self) -> Iterable[Text]:
        if not self.held:
            words = ": nothing is in maintenance" + (UNSEEN if self.away else "")
            yield line((self.environment, STRONG), words)
        yield from list(maintenance_lines(self.held, self.now))[: -1 if self.held else None]
        yield from away_lines(self.away)

    def data(self) -> object:
        return {
            "environment": self.environment,
            "maintenance": [maintenance_data(one) for one in self.held],
            "unreachable": [error_data(error) for error in self.away],
        }
