"""Commands as systemd reads them. Pure."""

from __future__ import annotations


def words(argv: tuple[str, ...]) -> str:
    return " ".join(_quoted(word) for word in argv)


def _quoted(word: str) -> str:
    """A word as systemd reads it: its own quoting, specifiers and variables escaped."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    plain = word and all(letter.isalnum() or letter in "-_./:=,+@%$" for letter in word)
    return word if plain else '"' + word.replace('"', '\\"').replace("\n", "\\n") + '"'
