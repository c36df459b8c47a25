"""`alerts/NAME.test.yaml`: on which series an alert fires and on which it does not, for promtool.

A case is a map of series to values. `redis_up{member=shop-1}: 0` is that series with the labels of
a scrape beside those given, always 0; a text is promtool's own notation ("0+5x20" grows by 5). A
series that is not said is not there. `at` (5m) is when one looks, `every` (15s) how often there is
a value and rules are evaluated; `labels` are those it must fire with, beside the usual ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from opsctl.monitoring.catalogue import Alert, Catalogue, seconds
from opsctl.monitoring.promises import windows
from opsctl.monitoring.promql import uses
from opsctl.monitoring.rule_text import Rule, RuleGroup, rule_text
from opsctl.monitoring.rules import Subject, known, rules_of

ENVIRONMENT, SERVICE, ADDRESS = "test", "shop", "192.0.2.10"
_OWN = ("at", "every", "labels")

Case = Mapping[str, Any]


class Cases(BaseModel):
    """Of one alert."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    fires: tuple[Case, ...] = Field(min_length=1)
    quiet: tuple[Case, ...]


class Trials(BaseModel):
    """A whole file. `values` are what rules may say beside the service's labels and facts; `job`
    is whose `up` is meant."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    job: str
    facts: Mapping[str, float] = Field(default_factory=dict)
    values: Mapping[str, str] = Field(default_factory=dict)
    alerts: Mapping[str, Cases]


@dataclass(frozen=True, slots=True)
class Trial:
    """The two files that promtool wants: the rules, and the tests, which name the rules' file."""

    rules: str
    tests: str


def trial(name: str, catalogue: Catalogue, trials: Trials, alert: Alert, rules_file: str) -> Trial:
    """What promtool is given for one alert: it alone, with the records that it needs, so that
    nothing else is evaluated. Raises as `rule_files`."""
    subject = Subject(
        name,
        ENVIRONMENT,
        SERVICE,
        trials.facts,
        {**known(ENVIRONMENT, SERVICE, trials.facts), **trials.values},
        {
            "vip": [{"address": ADDRESS}],
            "window": windows(),
            "member": [{"member": f"{SERVICE}-0", "job": trials.job}],
        },
    )
    needed = _needed(tuple(rules_of(subject, catalogue)), alert.alert)
    rules = rule_text([RuleGroup(name, needed, catalogue.interval)])
    cases = trials.alerts[alert.alert]
    tests = [
        _test(catalogue, trials, alert, f"{alert.alert} {kind} {number}", case, kind == "fires")
        for kind, some in (("fires", cases.fires), ("quiet", cases.quiet))
        for number, case in enumerate(some, start=1)
    ]
    return Trial(rules, _text({"rule_files": [rules_file], "tests": tests}))


def _needed(rules: Sequence[Rule], alert: str) -> tuple[Rule, ...]:
    """The alert's rules, and those that they are made of, in their order."""
    wanted = {alert}
    for rule in reversed(rules):  # a record stands before whoever uses it
        if rule.name in wanted:
            wanted.update(use.metric for use in uses(rule.expr).metrics)
    return tuple(rule for rule in rules if rule.name in wanted)


def _test(
    catalogue: Catalogue, trials: Trials, alert: Alert, name: str, case: Case, fires: bool
) -> dict[str, Any]:
    at, every = str(case.get("at", "5m")), str(case.get("every", "15s"))
    count = math.ceil(seconds(at) / seconds(every)) + 1
    by = ", ".join(("environment", "service", "severity", *_declared(alert)))
    query = f'count by ({by}) (ALERTS{{alertname="{alert.alert}", alertstate="firing"}})'
    samples = [
        {"labels": _labels(labels), "value": 1}
        for labels in (_expected(alert, case) if fires else ())
    ]
    return {
        "name": name,
        "interval": every,
        "input_series": [
            {"series": _series(catalogue, trials, key), "values": _values(value, count)}
            for key, value in case.items()
            if key not in _OWN
        ],
        "promql_expr_test": [{"expr": query, "eval_time": at, "exp_samples": samples}],
    }


def _declared(alert: Alert) -> Iterator[str]:
    return (label for label in alert.labels if label != "service")


def _expected(alert: Alert, case: Case) -> Iterator[Mapping[str, str]]:
    given = case.get("labels", {})
    usual = {"member": "shop-0", "host": "n1", "address": ADDRESS}
    for own in given if isinstance(given, Sequence) else [given]:
        declared = {name: own.get(name, usual.get(name, "")) for name in _declared(alert)}
        service = own.get("service", SERVICE)
        yield {
            "environment": ENVIRONMENT, "service": service, "severity": alert.severity, **declared
        }  # fmt: skip


def _series(catalogue: Catalogue, trials: Trials, key: str) -> str:
    """`redis_up{member=shop-1}` with all labels that a scrape gives."""
    metric, _, rest = key.partition("{")
    own = dict(pair.split("=", 1) for pair in rest.rstrip("}").split(",") if pair)
    found = catalogue.metrics.get(metric)
    job = own.get("job") or (found.job if found else trials.job)
    member = own.get("member", "shop-0")
    usual = {
        "environment": ENVIRONMENT,
        "service": SERVICE,
        "member": member,
        "host": "n1",
        "job": job,
        "instance": f"{member}:1",
    }
    return f"{metric}{_labels({**usual, **own})}"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def _values(value: object, count: int) -> str:
    return value if isinstance(value, str) else f"{value}x{count}"


def _text(document: Mapping[str, Any]) -> str:
    """JSON, which is YAML."""
    import json

    return json.dumps({"evaluation_interval": "15s", **document}, indent=1)
