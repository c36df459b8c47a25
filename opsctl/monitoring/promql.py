"""Which metrics and labels an expression of PromQL names.

No parser: words are told apart by what stands around them. What it gives is right for every
expression that Prometheus itself accepts, unless a metric is called like a word of the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    |(?P<comment>\#[^\n]*)
    |(?P<range>\[[^\]]*\])
    |(?P<number>(?:0x[0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)[a-z0-9]*)
    |(?P<word>[A-Za-z_:][A-Za-z0-9_:]*)
    |(?P<sign>=~|!~|!=|==|<=|>=|\S)""",
    re.VERBOSE,
)
_LISTS = frozenset(("by", "without", "on", "ignoring", "group_left", "group_right"))
_WORDS = frozenset(("and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"))
_AGGREGATES = frozenset(
    ("sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk",
     "quantile", "count_values")
)  # fmt: skip
_MATCHES = frozenset(("=", "!=", "=~", "!~"))


@dataclass(frozen=True, slots=True)
class Use:
    """A metric, and the labels that it is selected by."""

    metric: str
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Uses:
    """All that an expression names. `grouped`: labels that it groups or joins by."""

    metrics: tuple[Use, ...]
    grouped: frozenset[str] = field(default_factory=frozenset)


def uses(expr: str) -> Uses:
    """What the expression names."""
    tokens = [
        (str(match.lastgroup), match[0])
        for match in _TOKEN.finditer(expr)
        if match.lastgroup not in ("comment", "range", "string")
    ]
    metrics: list[Use] = []
    grouped: set[str] = set()
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        at += 1
        if kind != "word":
            continue
        if text.lower() in _LISTS:
            if following == "(":
                inside = _until(tokens, at + 1, ")")
                grouped.update(inside)
                at = _end(tokens, at + 1, ")")
        elif following == "{":
            metrics.append(Use(text, frozenset(_matched(tokens, at + 1))))
            at = _end(tokens, at + 1, "}")
        elif not _is_language(text, following):
            metrics.append(Use(text))
    return Uses(tuple(metrics), frozenset(grouped))


def _is_language(text: str, following: str) -> bool:
    word = text.lower()
    return following == "(" or word in _WORDS or (word in _AGGREGATES and following in _LISTS)


def _until(tokens: list[tuple[str, str]], start: int, closing: str) -> Iterator[str]:
    for kind, text in tokens[start : _end(tokens, start, closing)]:
        if kind == "word":
            yield text


def _matched(tokens: list[tuple[str, str]], start: int) -> Iterator[str]:
    """The labels of a selector: the words before an operator."""
    for at in range(start, _end(tokens, start, "}")):
        if tokens[at][0] == "word" and tokens[at + 1][1] in _MATCHES:
            yield tokens[at][1]


def _end(tokens: list[tuple[str, str]], start: int, closing: str) -> int:
    """Where the bracket closes; the end of everything where it does not."""
    for at in range(start, len(tokens)):
        if tokens[at][1] == closing:
            return at
    return len(tokens) - 1
