"""`python -m benchmarks.pages`: what tests/lab/test_pages.py and the one in a cluster
measured, in docs/alerts.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.paging.book import RESULTS, Book, Seen
from benchmarks.paging.faults import ALL, LASTING, SLOWER, TARGET

DOCS = Path(__file__).resolve().parents[1] / "docs" / "alerts.md"
BEGIN, END = "<!-- pages: made by `python -m benchmarks.pages` -->", "<!-- end of pages -->"
NOT_SEEN = "–"


def filled(page: str, seen: Sequence[Seen]) -> str:
    """The page with its table between the marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks for the pages")
    return f"{before}{BEGIN}\n" + "".join(f"{line}\n" for line in _lines(seen)) + f"{END}{after}"


def _lines(seen: Sequence[Seen]) -> Iterator[str]:
    known = {one.alert: one for one in seen}
    yield "| fault | page | told after | over after | |"
    yield "|---|---|--:|--:|---|"
    for fault in ALL:
        for name in fault.pages:
            yield _row((fault.words, f"`{name}`", *_cells(known.get(name), name)))
    yield ""
    yield "Seconds from the fault to the webhook, and from its end to the word that it is over."
    if seen:
        days = sorted({one.date for one in seen})
        machines = ", ".join(sorted({one.machine for one in seen}))
        yield f"Once each, {' to '.join(dict.fromkeys((days[0], days[-1])))}, {machines}."
    yield ""
    yield f"More than {TARGET:g} s can be due to what an alert looks at:"
    yield ""
    for name, why in SLOWER.items():
        yield f"- `{name}`: {why}."


def _cells(seen: Seen | None, name: str) -> Iterator[str]:
    if seen is None:
        yield from (NOT_SEEN, NOT_SEEN, "not measured yet")
        return
    yield f"{seen.told:.0f} s"
    yield NOT_SEEN if seen.over is None else f"{seen.over:.0f} s"
    words = ["" if seen.told <= TARGET else f"**missed** ({TARGET:g} s)", LASTING.get(name, "")]
    yield "; ".join(word for word in words if word)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    DOCS.write_text(filled(DOCS.read_text(), Book(RESULTS).seen))


if __name__ == "__main__":
    main()
