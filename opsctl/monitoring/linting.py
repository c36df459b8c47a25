"""What is wrong with a catalogue's rules although Prometheus would take them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from opsctl.monitoring.catalogue import SCRAPED, Alert, Catalogue, Metric, Record, seconds
from opsctl.monitoring.filling import fill, names
from opsctl.monitoring.promql import Uses, uses

BUILT_IN = frozenset(
    ("up", "scrape_duration_seconds", "scrape_samples_scraped", "ALERTS", "ALERTS_FOR_STATE")
)
"""What Prometheus itself makes of every scrape and alert."""

SCRAPES = 2
"""A condition that is held for less can be one bad reading."""

_LABEL = re.compile(r"\$labels\.([a-zA-Z_][a-zA-Z0-9_]*)")
_STAND_INS = {
    **dict.fromkeys(("selector", "in_environment", "routes", "balancers", "tries", "backups"), ""),
    "window": "window",
}
"""What can stand in a hole where a number can't: no more labels, the end of a record's name."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing about one rule. `keys` lead to the rule in its catalogue's file."""

    catalogue: str
    rule: str
    words: str
    keys: tuple[str | int, ...] = ()


def flaws(name: str, catalogue: Catalogue, interval: float) -> Iterator[Flaw]:
    """Everything that can be seen without a server. `interval`: seconds between two scrapes."""
    known: dict[str, frozenset[str]] = dict.fromkeys(BUILT_IN, frozenset(SCRAPED))
    known |= {metric: _labels(one) for metric, one in catalogue.metrics.items()}
    for at, record in enumerate(catalogue.records):
        keys = ("records", at)
        series = record.record.replace("{{ window }}", "window")
        known[series] = frozenset((*record.labels, "environment", "service"))
        for words in _unknown(record, known):  # it may carry itself on
            yield Flaw(name, record.record, words, keys)
    for at, alert in enumerate(catalogue.alerts):
        for words in (*_unknown(alert, known), *_silent(alert), *_hasty(alert, interval)):
            yield Flaw(name, alert.alert, words, ("alerts", at))


def _labels(metric: Metric) -> frozenset[str]:
    return frozenset((*SCRAPED, *metric.labels))


def _unknown(rule: Alert | Record, known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Metrics and labels that nobody sends: such a rule never fires."""
    found = uses(readable(rule.expr))
    for use in found.metrics:
        labels = _known_labels(use.metric, known)
        if labels is None:
            yield f"no metric {use.metric} is in the catalogue"
        else:
            for label in sorted(use.labels - labels):
                yield f"{use.metric} has no label {label}"
    for label in sorted(found.grouped - _all_labels(found, known)):
        yield f"it groups by {label}, which none of its metrics has"


def _all_labels(found: Uses, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    labels = (_known_labels(use.metric, known) or frozenset() for use in found.metrics)
    return frozenset[str]().union(*labels)


def _known_labels(metric: str, known: Mapping[str, frozenset[str]]) -> frozenset[str] | None:
    if metric in known:
        return known[metric]
    for window in re.findall(r"[0-9]+[smhd]$", metric):  # one record for each window
        return known.get(f"{metric.removesuffix(window)}window")
    return None


def readable(expr: str) -> str:
    """PromQL with its holes filled by something that can stand there."""
    return fill(expr, {name: _STAND_INS.get(name, "1") for name in names(expr)}, expr)


def _silent(alert: Alert) -> Iterator[str]:
    """Texts that would come with a gap."""
    texts = (alert.summary, alert.impact, alert.evidence, alert.action)
    said = {label for text in texts for label in _LABEL.findall(text)}
    for label in sorted(said - {*alert.labels, "environment", "service"}):
        yield f"its texts say {label}, which is not among its labels"


def _hasty(alert: Alert, interval: float) -> Iterator[str]:
    hold = seconds(alert.hold)
    if hold and hold < SCRAPES * interval:
        yield f"it is held for {alert.hold}, less than {SCRAPES} scrapes of {interval:g} s"
