"""Cron's schedules as systemd writes them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opsctl.model import Cron

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def calendar(cron: Cron) -> tuple[str, ...]:
    """OnCalendar= values that together come at the same times. systemd wants weekday and date both;
    where cron is content with either, each gets a line of its own."""
    if not cron.either:
        return (_line(cron),)
    dated = replace(cron, weekdays=tuple(range(7)))
    named = replace(cron, days=tuple(range(1, 32)))
    return (_line(dated), _line(named))


def _line(cron: Cron) -> str:
    days = ",".join(_WEEKDAYS[day] for day in cron.weekdays)
    date = f"*-{_numbers(cron.months, 12)}-{_numbers(cron.days, 31)}"
    time = f"{_numbers(cron.hours, 24)}:{_numbers(cron.minutes, 60)}:00"
    return " ".join(word for word in (days if len(cron.weekdays) < 7 else "", date, time) if word)


def _numbers(numbers: Sequence[int], all_of_them: int) -> str:
    if len(numbers) == all_of_them:
        return "*"
    return ",".join(f"{number:02d}" for number in numbers)
