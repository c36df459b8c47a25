"""Hints in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], *, listing: bool = True) -> str:
    """The hint for a misspelt word: the nearest known one, or else (`listing`) what is known."""
    choices = list(known)
    lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{lower[near[0]]}"?'
    if not choices or not listing:
        return ""
    if len(choices) <= 8:
        return f"known: {', '.join(choices)}"
    return f"known: {', '.join(choices[:8])}, ..."
