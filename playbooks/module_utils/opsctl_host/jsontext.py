"""JSON without the json package, whose import (it brings re and enum) costs a look as much as
Python's own start: the same scanner and encoder, in C, that the package itself uses.

Where an interpreter has them otherwise, the package does it.
"""

from __future__ import annotations

from typing import Any


class _Options:
    """What the scanner asks of a decoder."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, float


def _fast() -> Any:
    """(text -> value and where it ends, value and level -> pieces of text); None: not to be had."""
    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner

        scan = make_scanner(_Options)
        encode = make_encoder(
            None, None, encode_basestring_ascii, None, ":", ",", False, False, True
        )
        value = {"a": [1, 2.5, None, True, "é"]}
        sound = scan("".join(encode(value, 0)), 0)[0] == value
    except (ImportError, TypeError, AttributeError, ValueError):
        return None
    return (scan, encode) if sound else None


_FAST = _fast()


def read(text: str) -> Any:
    """The value. Raises ValueError for what is no JSON."""
    if _FAST is None:
        import json

        return json.loads(text)
    whole = text.strip(" \t\n\r")
    try:
        value, end = _FAST[0](whole, 0)
    except StopIteration as error:
        raise ValueError(f"no JSON value at character {error.value}") from None
    if end != len(whole):
        raise ValueError(f"no end of the JSON value at character {end}")
    return value


def written(value: Any) -> str:
    """As short as it can be, in ASCII."""
    if _FAST is None:
        import json

        return json.dumps(value, separators=(",", ":"))
    return "".join(_FAST[1](value, 0))
