"""Versions of servers: what a system's own packages have, and what a person asked for."""

from __future__ import annotations

from opsctl.errors import SpecError
from opsctl.workload.seats import Seat


def has_version(offered: str | None, asked: str | None) -> bool:
    """Whether `offered` ("8.0") is what `asked` ("8", "8.0", "8.0.2") means; None: anything."""
    if offered is None or asked is None:
        return True
    words = asked.split(".")[:2]
    return words == offered.split(".")[: len(words)]


def check_version(
    software: str, seat: Seat, offered: str | None, asked: str | None, *, service: str, code: str
) -> None:
    """Raises SpecError `code` unless `asked` ("8", "8.0", "8.0.2") is of the `offered` version
    ("8.0"). What a system offers that nobody tried is not known (None): apt will say."""
    if has_version(offered, asked):
        return
    raise SpecError(
        code,
        f"{seat.member} sits on {seat.system}, which has {software} {offered}, not {asked}",
        where=f"services.{service}.version",
        hint=f'leave version out, write version: "{offered}", or use another system',
    )
