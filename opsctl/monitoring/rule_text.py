"""Rules as the text of a Prometheus rule file, which is YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rule:
    """A recording rule, or with `alert` an alerting one."""

    name: str
    expr: str
    alert: bool = False
    hold: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated together, in their order. `interval` "": as often as the server
    evaluates by itself."""

    name: str
    rules: tuple[Rule, ...]
    interval: str = ""


def rule_text(groups: Sequence[RuleGroup]) -> str:
    """The whole file. JSON's quoted strings are YAML's."""
    return "\n".join(["# Written by opsctl.", "groups:", *_groups(groups), ""])


def _groups(groups: Sequence[RuleGroup]) -> Iterator[str]:
    for group in groups:
        yield f"  - name: {_quoted(group.name)}"
        if group.interval:
            yield f"    interval: {group.interval}"
        yield "    rules:"
        for rule in group.rules:
            yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"      - {'alert' if rule.alert else 'record'}: {rule.name}"
    yield "        expr: |-"
    for line in rule.expr.strip().splitlines():
        yield f"          {line.rstrip()}"
    if rule.hold:
        yield f"        for: {rule.hold}"
    for key, entries in (("labels", rule.labels), ("annotations", rule.annotations)):
        if entries:
            yield f"        {key}:"
            for name, value in entries.items():
                yield f"          {name}: {_quoted(value)}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
