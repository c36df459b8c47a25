"""How an error looks: code and place, the line of the file, a caret below it, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from opsctl.cli.views.lines import BAD, DIM, STRONG, WARN, line
from opsctl.errors import OpsError, OpsErrors, Place

# Characters of a source line that are shown: a whole spec may stand on one line.
WIDTH = 100
# Behind "there is none", where not everybody could be asked.
UNSEEN = ", as far as can be seen"


def each(error: OpsError) -> tuple[OpsError, ...]:
    """The errors inside, or the error itself."""
    return error.errors if isinstance(error, OpsErrors) else (error,)


def error_lines(error: OpsError) -> Iterator[Text]:
    """Every error inside, a blank line between two."""
    for number, one in enumerate(each(error)):
        if number:
            yield Text()
        yield from _diagnostic("error", BAD, one)


def away_lines(away: Iterable[OpsError]) -> Iterator[Text]:
    """Who can't be asked, below what the others said."""
    for error in away:
        yield Text()
        yield from error_lines(error)


def warning_lines(finding: OpsError) -> Iterator[Text]:
    """The same look for advice."""
    yield from _diagnostic("warning", WARN, finding)


def error_data(error: OpsError) -> dict[str, Any]:
    """One error as plain data."""
    return {
        "code": error.code,
        "message": error.message,
        "where": _where_data(error.where),
        "hint": error.hint,
        "details": list(error.details),
        "exit": int(error.exit),
    }


def errors_data(error: OpsError) -> dict[str, Any]:
    """The error object that programs get on standard error."""
    return {"errors": [error_data(one) for one in each(error)], "exit": int(error.exit)}


def _where_data(where: Place | str | None) -> object:
    if isinstance(where, Place):
        return {
            "file": str(where.file),
            "line": where.line,
            "column": where.column,
            "length": where.length,
        }
    return where


def _diagnostic(word: str, style: str, error: OpsError) -> Iterator[Text]:
    place = f" {error.where}" if error.where else ""
    yield line((f"{word}[{error.code}]", f"bold {style}"), (place, STRONG))
    if isinstance(error.where, Place) and error.where.text.strip():
        yield from _source(error.where, error.message, style)
    else:
        for words in error.message.splitlines() or [""]:
            yield line("  ", words)
    for detail in error.details:
        yield line("    ", (detail, DIM))
    if error.hint:
        yield line(("  hint: ", "cyan"), error.hint)


def _source(place: Place, message: str, style: str) -> Iterator[Text]:
    """The line, cut around the span where it is long, and the message behind its carets."""
    text = place.text.expandtabs(1).rstrip()
    start = min(max(place.column - 1, 0), len(text))
    length = max(1, min(place.length, len(text) - start))
    first = len(text) - len(text.lstrip())
    if start - first > WIDTH - 20:
        first = start - WIDTH // 2
    last = max(first + WIDTH, min(start + length, first + WIDTH))
    lead = "…" if first > len(text) - len(text.lstrip()) else ""
    shown = lead + text[first:last] + ("…" if last < len(text) else "")
    before = cell_len(lead + text[first:start])
    under = max(1, cell_len(text[start : min(start + length, last)]))
    yield line("  ", shown)
    first_words, *more = message.splitlines() or [""]
    yield line(" " * (before + 2), ("^" * under, f"bold {style}"), " ", (first_words, style))
    for words in more:
        yield line(" " * (before + 2), (words, style))
