"""PromQL as far as dashboards need it: which metrics it speaks of, and its words filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

# What Prometheus itself knows about every target and alert; no server sends them.
BUILT_IN = frozenset(
    {
        "up",
        "ALERTS",
        "ALERTS_FOR_STATE",
        "scrape_duration_seconds",
        "scrape_samples_scraped",
        "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    }
)
_STRINGS = re.compile(r'"(\\.|[^"\\])*"' + r"|'(\\.|[^'\\])*'")
_LABELS = re.compile(r"\{[^{}]*\}")
_RANGES = re.compile(r"\[[^\]]*\]")
_LISTS = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
_NAMES = re.compile(r"(?<![\w:.$])[a-zA-Z_:][\w:]*(?![\w:]*\s*\()")
_WORDS = frozenset(
    [
        *("and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right"),
        *("offset", "bool", "inf", "nan", "start", "end"),
        *("sum", "min", "max", "avg", "count", "topk", "bottomk", "quantile", "stddev"),
    ]
)
_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}")


@cache
def names(expr: str) -> frozenset[str]:
    """The metrics and recorded series that an expression names."""
    bare = _STRINGS.sub('""', expr)
    bare = _PLACE.sub("", bare)
    for noise in (_LABELS, _RANGES, _LISTS):
        bare = noise.sub(" ", bare)
    found = (match.group() for match in _NAMES.finditer(bare))
    return frozenset(name for name in found if name.lower() not in _WORDS)


def one_line(expr: str) -> str:
    """The same without the line breaks that it was written with."""
    return " ".join(expr.split())


def bind(expr: str, values: Mapping[str, str]) -> str:
    """Its $variables replaced; those that are not among `values` stay."""
    return _VARIABLE.sub(
        lambda match: values.get(match.group(1) or match.group(2), match.group()), expr
    )
