"""Where panels stand: 24 columns, lines of panels that are equally wide where nothing is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsctl.monitoring.dashboards.document import Panel

COLUMNS = 24
_HEIGHTS = {"stat": 4, "lines": 8, "states": 7, "table": 8}
_MOST = {"stat": 8, "lines": 3, "states": 2, "table": 2}  # side by side


@dataclass(frozen=True, slots=True)
class Spot:
    """A panel's place, in Grafana's units: columns, and rows of 30 pixels."""

    x: int
    y: int
    w: int
    h: int


def place(panels: Sequence[Panel], top: int) -> tuple[tuple[tuple[Panel, Spot], ...], int]:
    """Each panel with its place from row `top` on, and the first row below them."""
    placed: list[tuple[Panel, Spot]] = []
    for line in _lines(panels):
        height = max(panel.height or _HEIGHTS[panel.kind] for panel in line)
        x = 0
        for panel, width in zip(line, _widths(line), strict=True):
            placed.append((panel, Spot(x, top, width, height)))
            x += width
        top += height
    return tuple(placed), top


def _lines(panels: Sequence[Panel]) -> Iterator[tuple[Panel, ...]]:
    """Panels that stand beside each other: of one kind, or as wide as they were told to be."""
    rest = list(panels)
    while rest:
        run = _run(rest)
        for count in _shares(len(run), run[0]):
            yield tuple(rest[:count])
            del rest[:count]


def _run(rest: Sequence[Panel]) -> Sequence[Panel]:
    """The panels from the first on that share lines."""
    if rest[0].width is None:
        kind = rest[0].kind
        end = (n for n, one in enumerate(rest) if one.kind != kind or one.width is not None)
        return rest[: next(end, len(rest))]
    used = 0
    for count, panel in enumerate(rest):
        used += panel.width or COLUMNS
        if used > COLUMNS:
            return rest[: max(count, 1)]
    return rest


def _shares(count: int, first: Panel) -> Iterator[int]:
    """How many stand in each line, as equally as can be."""
    if first.width is not None:
        yield count
        return
    most = _MOST[first.kind]
    if first.kind == "lines" and count % 3:
        most = 2
    lines = -(-count // most)
    for number in range(lines):
        yield count // lines + (number < count % lines)


def _widths(line: Sequence[Panel]) -> tuple[int, ...]:
    """As told; what is left over is shared by the others."""
    open_ = [panel for panel in line if panel.width is None]
    if not open_:
        return tuple(panel.width or COLUMNS for panel in line)
    left = COLUMNS - sum(panel.width or 0 for panel in line)
    share, more = divmod(left, len(open_))
    widths: list[int] = []
    for panel in line:
        if panel.width is None:
            widths.append(share + (1 if more > 0 else 0))
            more -= 1
        else:
            widths.append(panel.width)
    return tuple(widths)
