"""A last safety net before anything is logged; nothing should ever be caught in it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote

_SHORTEST = 4  # characters; masking "1" everywhere would tell the secret rather than hide it
_SHORTEST_LINE = 12  # of a value of several lines, such as a key in PEM


class Masker:
    """Replaces every known secret in a text by its name, written as `Text.masked` writes it.

    Knows each value as it is, line by line, in base64, percent-encoded, JSON-escaped, and as its
    SHA-256. Values shorter than 4 characters are left alone.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        forms = {
            form: name for name in sorted(values, reverse=True) for form in _forms(values[name])
        }
        self._forms = sorted(forms.items(), key=lambda item: len(item[0]), reverse=True)

    def __repr__(self) -> str:
        return f"Masker({len(self._forms)} forms)"

    def __call__(self, text: str) -> str:
        for form, name in self._forms:  # longest first: one may be part of another
            if form in text:
                text = text.replace(form, f"\u2039secret {name}\u203a")
        return text


def _forms(value: str) -> Iterator[str]:
    if len(value) < _SHORTEST:
        return
    encoded = value.encode()
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(value, safe="")
    yield quote(value)
    yield base64.b64encode(encoded).decode()
    yield hashlib.sha256(encoded).hexdigest()
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE)
