"""Lines of text for people: styles, signs and aligned columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

Piece = str | tuple[str, str] | Text  # words, or (words, style)

GOOD, BAD, WARN, DIM, STRONG = "green", "red", "yellow", "dim", "bold"


def line(*pieces: Piece) -> Text:
    """One line of several pieces."""
    return Text.assemble(*pieces)


def table(
    header: Sequence[str], rows: Sequence[Sequence[Piece]], *, indent: int = 2
) -> Iterator[Text]:
    """Columns as wide as their widest cell, two spaces apart, the last one as it is."""
    cells = [[line((name, DIM)) for name in header]] if header else []
    cells += [[line(cell) for cell in row] for row in rows]
    count = max((len(row) for row in cells), default=0)
    widths = [max(cell_len(row[at].plain) for row in cells if at < len(row)) for at in range(count)]
    for row in cells:
        text = Text(" " * indent)
        for at, cell in enumerate(row):
            text.append_text(cell)
            if at + 1 < len(row):
                text.append(" " * (widths[at] - cell_len(cell.plain) + 2))
        text.rstrip()
        yield text


def count(number: int, noun: str, plural: str = "") -> str:
    """ "1 member", "3 members"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def ago(seconds: float) -> str:
    """A length of time in the unit that people would say."""
    for size, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return count(int(seconds // size), noun)
    return count(max(0, int(seconds)), "second")


def size_words(size: float) -> str:
    """Bytes in the unit that people would say."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
