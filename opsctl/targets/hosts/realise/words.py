"""Commands as systemd reads them. Pure."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[\w./:=,+@%$-]+")


def words(argv: tuple[str, ...]) -> str:
    return " ".join(_quoted(word) for word in argv)


def _quoted(word: str) -> str:
    """A word as systemd reads it: its own quoting, specifiers and variables escaped."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    if _PLAIN.fullmatch(word):
        return word
    return '"' + word.replace('"', '\\"').replace("\n", "\\n") + '"'
