"""Units of the catalogue: which one a panel has, its name in Grafana, and how a number is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.monitoring.dashboards.document import Panel
from opsctl.monitoring.dashboards.expressions import names

GRAFANA: Mapping[str, str] = {
    "1": "short",
    "1/s": "cps",
    "ops/s": "ops",
    "bytes": "bytes",
    "bytes/s": "binBps",
    "seconds": "s",
    "ratio": "percentunit",
    "percent": "percent",
    "bool": "bool",
    "ago": "s",
    "version": "none",
}
_RATED = re.compile(r"\b(i?rate|deriv)\s*\(")
_PER_SECOND = {"bytes": "bytes/s", "seconds": "ratio", "1": "1/s"}
_SCALED = re.compile(r"\b(increase|count|time|timestamp|changes|resets)\s*\(|[*/]")


def unit_of(panel: Panel, units: Mapping[str, str]) -> str:
    """What the panel's numbers are counted in; `units` of metrics and recorded series. "" where it
    neither says so nor asks for one unit alone: then numbers are shown as they are."""
    if panel.unit or panel.kind in ("table", "states"):
        return panel.unit
    said = {_unit(query.expr, units) for query in panel.queries}
    return said.pop() if len(said) == 1 else ""


def _unit(expr: str, units: Mapping[str, str]) -> str:
    """ "" where it can't be told."""
    found = {units.get(name, "") for name in names(expr)}
    if len(found) != 1 or _SCALED.search(_without_labels(expr)):
        return ""
    unit = found.pop()
    return _PER_SECOND.get(unit, "") if _RATED.search(expr) else unit


def _without_labels(expr: str) -> str:
    return re.sub(r"\{[^{}]*\}", "", expr.replace("{{", "").replace("}}", ""))


@dataclass(frozen=True, slots=True)
class _Scale:
    steps: tuple[tuple[float, str], ...]  # from the largest


_BYTES = ((1 << 40, " TiB"), (1 << 30, " GiB"), (1 << 20, " MiB"), (1 << 10, " KiB"), (1, " B"))
_TIME = ((86400, " d"), (3600, " h"), (60, " min"), (1, " s"), (1e-3, " ms"), (1e-6, " µs"))
_COUNT = ((1e9, " G"), (1e6, " M"), (1e3, " k"), (1, ""))
_SCALES = {
    "bytes": _BYTES,
    "bytes/s": tuple((size, f"{word}/s") for size, word in _BYTES),
    "seconds": _TIME,
    "ago": _TIME,
    "1/s": tuple((size, f"{word}/s") for size, word in _COUNT),
    "ops/s": tuple((size, f"{word} ops/s") for size, word in _COUNT),
}


def said(value: float, unit: str) -> str:
    """A number in the unit that people would say."""
    if unit == "ratio":
        return f"{_short(value * 100)} %"
    if unit == "percent":
        return f"{_short(value)} %"
    scale = _SCALES.get(unit, _COUNT)
    size, word = next((step for step in scale if abs(value) >= step[0]), scale[-1])
    return (
        f"{_short(value / size)}{word}" if value else f"0{scale[-1][1] if unit == 'bytes' else ''}"
    )


def _short(number: float) -> str:
    """Three figures."""
    if abs(number) >= 100:
        return f"{number:.0f}"
    text = f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"
    return text.rstrip("0").rstrip(".")
