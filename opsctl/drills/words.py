"""Numbers as people say them, the same in every form of a report."""

from __future__ import annotations


def length(seconds: float) -> str:
    """ "320 ms", "1.24 s", "2 min 5 s", "3 h 20 min"."""
    if abs(seconds) < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if abs(seconds) < 99.95:
        return f"{seconds:.2f} s" if abs(seconds) < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def count(number: int, noun: str) -> str:
    """ "1 write", "1,204 writes"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
