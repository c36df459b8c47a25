"""A schedule of five cron fields: read, checked, and the longest time between two runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_PART = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")
_HORIZON = 8 * 366  # days: February 29 comes in twice


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, ("", *_MONTHS)),
    _Field("weekday", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """The numbers that each field stands for; weekdays from 0, Sunday.

    A day counts when both day and weekday hold; with `either`, which is how cron takes two fields
    that are both restricted, when one of them does.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either: bool = False

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Raises ValueError with what is wrong, in words."""
        words = text.lower().split()
        if len(words) != len(_FIELDS):
            raise ValueError(f"it has {len(words)} field{'s' * (len(words) != 1)}, not five")
        fields = zip(words, _FIELDS, strict=True)
        minutes, hours, days, months, weekdays = (_numbers(*one) for one in fields)
        weekdays = tuple(sorted({day % 7 for day in weekdays}))
        either = not words[2].startswith("*") and not words[4].startswith("*")
        found = cls(minutes, hours, days, months, weekdays, either)
        if not any(map(found.holds, _calendar())):
            raise ValueError("no day is ever like that")
        return found

    def holds(self, day: date) -> bool:
        """Whether it comes on that day."""
        if day.month not in self.months:
            return False
        dated, named = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return dated or named if self.either else dated and named

    @property
    def longest(self) -> int:
        """The longest time between two of its times, in minutes."""
        times = [60 * hour + minute for hour in self.hours for minute in self.minutes]
        first, last = min(times), max(times)
        within = max((after - before for before, after in pairwise(sorted(times))), default=0)
        days = [day.toordinal() for day in _calendar() if self.holds(day)]
        gaps = [after - before for before, after in pairwise(days)] or [_HORIZON]
        return max(within, max(gaps) * 24 * 60 + first - last)


def _numbers(word: str, field: _Field) -> tuple[int, ...]:
    found: set[int] = set()
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f'"{part}" is no {field.name}')
        whole, begin, end, step = match.groups()
        first = field.first if whole == "*" else _number(begin, field)
        last = first if whole != "*" and step is None else field.last
        last = _number(end, field) if end else last
        if last < first or step == "0":
            raise ValueError(f'"{part}" is no {field.name}')
        found |= set(range(first, last + 1, int(step or 1)))
    return tuple(sorted(found))


def _number(word: str, field: _Field) -> int:
    number = field.names.index(word) if word in field.names else -1
    if word.isdecimal():
        number = int(word)
    if not field.first <= number <= field.last:
        bounds = f"{field.first} to {field.last}"
        raise ValueError(f'"{word}" is no {field.name}, which goes from {bounds}')
    return number


@cache
def _calendar() -> tuple[date, ...]:
    return tuple(date(2024, 1, 1) + timedelta(days=number) for number in range(_HORIZON))
