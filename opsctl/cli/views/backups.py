"""Backups: the newest first, and how the scheduled ones go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from rich.text import Text

from opsctl.cli.views.lines import BAD, DIM, GOOD, STRONG, WARN, Piece, ago, line, size_words, table
from opsctl.cli.views.view import View
from opsctl.flow.backing_up import Kept
from opsctl.workload import Backup

_COLUMNS = ("NAME", "ON", "AGE", "SIZE", "KEYS", "KIND", "VERIFIED")


@dataclass(frozen=True, slots=True)
class BackupsView(View):
    """`now` is in seconds since the epoch."""

    kept: Sequence[Kept]
    now: float

    def lines(self) -> Iterable[Text]:
        if not self.kept:
            yield line(('no service has backups: backup: {schedule: "0 3 * * *"}', DIM))
        for number, one in enumerate(self.kept):
            if number:
                yield Text()
            yield line((one.service, STRONG), "  ", schedule_words(one, self.now))
            rows = [self._row(one.holder(backup), backup) for backup in one.backups]
            if rows:
                yield from table(_COLUMNS, rows)
            for name in one.silent:
                yield line("  ", (f"{name} can't be asked: its host does not answer", BAD))

    def data(self) -> object:
        return [
            {
                "service": one.service,
                "backups": [
                    {**asdict(backup), "on": one.holder(backup), "time": _utc(backup.at)}
                    for backup in one.backups
                ],
                "schedule": schedule_data(one),
                "silent": list(one.silent),
            }
            for one in self.kept
        ]

    def _row(self, member: str, backup: Backup) -> list[Piece]:
        keys = "?" if backup.keys is None else str(backup.keys)
        age, size = ago(self.now - backup.at), size_words(backup.bytes)
        return [backup.name, member, age, size, keys, backup.kind, self._verified(backup)]

    def _verified(self, backup: Backup) -> Piece:
        if backup.damage:
            return (f"damaged: {backup.damage}", BAD)
        if backup.verified is None:
            return ("never", DIM)
        return (f"{ago(self.now - backup.verified)} ago", GOOD)


def schedule_words(kept: Kept, now: float) -> Piece:
    """How the scheduled backups of a service go, in few words."""
    shelves = kept.shelves.values()
    newest = max((shelf.success for shelf in shelves if shelf.success), default=None)
    failed = [shelf for shelf in shelves if shelf.error and (shelf.tried or 0) > (newest or 0)]
    if failed:
        return (f"the last scheduled backup failed: {failed[0].error}", BAD)
    if newest is None:
        return ("no scheduled backup was made yet", WARN)
    words = f"last scheduled backup {ago(now - newest)} ago"
    # Twice its time: one may be missed while a member restarts.
    return (f"{words}, which is too long", BAD) if now - newest > 2 * kept.every else (words, GOOD)


def schedule_data(kept: Kept) -> object:
    """By member: when it last made one, last tried to, and why that failed."""
    return {
        name: {"success": shelf.success, "tried": shelf.tried, "error": shelf.error}
        for name, shelf in kept.shelves.items()
    }


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
