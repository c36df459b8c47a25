"""Alerts: what the spec makes, whether it is right, what fires now."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from opsctl.errors import OpsError, Place
from opsctl.model import Environment
from opsctl.monitoring import SCRAPED, Catalogue, rule_files
from opsctl.monitoring.linting import Flaw, flaws
from opsctl.monitoring.promql import uses
from opsctl.monitoring.rule_tests import Trials, trial
from opsctl.monitoring.rule_text import Rule
from opsctl.monitoring.rules import rules_of, subjects
from opsctl.ports.alerts import RuleTool
from opsctl.ports.metrics import Metrics
from opsctl.workload import Workload

Read = Callable[[str], Catalogue]
WhereIs = Callable[[str, tuple[str | int, ...]], Place | None]

INTERVAL = 5.0  # seconds between two scrapes, where nothing is said


@dataclass(frozen=True, slots=True)
class Live:
    """One alert that is true now. `since`: seconds since the epoch."""

    state: Literal["pending", "firing"]
    labels: Mapping[str, str]
    since: float


@dataclass(frozen=True, slots=True)
class Made:
    """One alert of one service, as Prometheus gets it, and what is true of it now."""

    service: str
    rule: Rule
    live: tuple[Live, ...] = ()

    @property
    def severity(self) -> str:
        return self.rule.labels["severity"]


def made(
    environment: Environment, workloads: Mapping[str, Workload], catalogue: Read
) -> tuple[Made, ...]:
    """Every alert that the spec makes, by service."""
    return tuple(
        Made(service, rule)
        for service in sorted({*workloads, *environment.services})
        for subject in subjects(environment, service, workloads)
        for rule in rules_of(subject, catalogue(subject.catalogue))
        if rule.alert
    )


def with_live(alerts: Sequence[Made], metrics: Metrics) -> tuple[Made, ...]:
    """The same, with what is true of each now. A label that an alert's own rule sets is among those
    it fires with."""
    began = {_identity(one.labels): one.last for one in metrics.now("ALERTS_FOR_STATE")}
    live = [
        Live(_state(one.labels["alertstate"]), one.labels, began.get(_identity(one.labels), 0.0))
        for one in metrics.now("ALERTS")
    ]
    return tuple(
        replace(one, live=tuple(other for other in live if _is_of(other, one))) for one in alerts
    )


def _identity(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    own = {name: value for name, value in labels.items() if name not in ("__name__", "alertstate")}
    return frozenset(own.items())


def _state(word: str) -> Literal["pending", "firing"]:
    return "firing" if word == "firing" else "pending"


def _is_of(live: Live, one: Made) -> bool:
    wanted = {"alertname": one.rule.name, **one.rule.labels}
    return wanted.items() <= live.labels.items()


def about(alerts: Sequence[Made], service: str) -> Iterator[Made]:
    """Those of the service, and what the rules of others say of it now: who knocks at a route tells
    of the service that it leads to."""
    for one in alerts:
        mine = tuple(live for live in one.live if live.labels.get("service") == service)
        if one.service == service:
            yield one
        elif mine:
            yield replace(one, live=mine)


@dataclass(frozen=True, slots=True)
class Tested:
    """How the rules did. `wrong`: of a rule file; `failed`: of an alert's cases."""

    files: int
    alerts: int
    cases: int
    wrong: tuple[OpsError, ...] = ()
    failed: tuple[OpsError, ...] = ()


def judged(
    environment: Environment,
    workloads: Mapping[str, Workload],
    catalogue: Read,
    trials: Callable[[str], Trials],
    names: Sequence[str],
    place: WhereIs,
    tool: RuleTool,
) -> Tested:
    """promtool's judgement of the files that the spec makes, and of every case of `names`."""
    files = rule_files(environment, workloads, catalogue)
    rules: dict[str, str] = {}
    tests: dict[str, str] = {}
    homes: dict[str, tuple[str, tuple[str | int, ...]]] = {}  # by alert: its catalogue, its keys
    cases = 0
    for name in names:
        found, tried = catalogue(name), trials(name)
        for at, alert in enumerate(found.alerts):
            if alert.alert not in tried.alerts:
                continue
            one = trial(name, found, tried, alert, f"{alert.alert}.rules.yaml")
            rules[f"{alert.alert}.rules.yaml"], tests[f"{alert.alert}.yaml"] = one.rules, one.tests
            homes[alert.alert] = (name, ("alerts", at))
            both = tried.alerts[alert.alert]
            cases += len(both.fires) + len(both.quiet)

    def own_line(words: str, text: str) -> Place | None:
        """Our own line for what promtool says of a line of a file that we made."""
        home = homes.get(_named(words, text))
        return place(*home) if home else None

    wrong = tuple(
        OpsError("alerts/refused", words, where=own_line(words, files.get(file, "")) or file)
        for file, words in tool.check(files).items()
    )
    failed = tuple(
        OpsError("alerts/failed", words, where=place(*homes[file.removesuffix(".yaml")]))
        for file, words in tool.test(rules, tests).items()
    )
    return Tested(len(files), len(tests), cases, wrong, failed)


def _named(words: str, text: str) -> str:
    """The rule that promtool speaks of, in a file of this text."""
    named = re.search(r'rule \d+, "([^"]+)"', words)
    return named[1] if named else _above(text, words)


def _above(text: str, words: str) -> str:
    """The rule around the line that the words name."""
    number = re.search(r":(\d+):\d+:", words)
    lines = text.splitlines()[: int(number[1])] if number else []
    for line in reversed(lines):
        if found := re.match(r"\s+- (?:alert|record): (\S+)", line):
            return found[1]
    return ""


@dataclass(frozen=True, slots=True)
class Linted:
    """What is wrong with rules. `fired`: how often each alert began to be true in the last week, as
    far as the server remembers; empty where none was asked."""

    flaws: tuple[tuple[Flaw, Place | None], ...]
    fired: Mapping[str, float] = field(default_factory=dict)


def linted(
    names: Sequence[str],
    catalogue: Read,
    runbooks: frozenset[str],
    place: WhereIs,
    environment: str,
    metrics: Metrics | None = None,
    alerts: Sequence[Made] = (),
    interval: float = INTERVAL,
) -> Linted:
    """Rules that can't fire, are held for too short, or say nothing of what to do.

    With a server, which may be others', too, also those of `alerts` that name what it never had of
    the environment, and how often each was true there.
    """
    found: list[Flaw] = []
    for name in names:
        known = catalogue(name)
        found += flaws(name, known, interval)
        found += (
            Flaw(name, alert.alert, "it has no runbook", ("alerts", at))
            for at, alert in enumerate(known.alerts)
            if alert.alert not in runbooks
        )
    here = f'environment="{environment}"'
    if metrics is not None:
        found += _never_sent(names, catalogue, metrics, alerts, here)
    return Linted(
        tuple((flaw, place(flaw.catalogue, flaw.keys)) for flaw in found),
        _fired(metrics, here) if metrics else {},
    )


def _never_sent(
    names: Sequence[str], catalogue: Read, metrics: Metrics, alerts: Sequence[Made], here: str
) -> Iterator[Flaw]:
    """Of metrics that are always sent and that a rule here is made of: those that the server does
    not have, and labels that it has on none of their series."""
    there = frozenset(metrics.values("__name__", f'{{{here}, job=~".+"}}'))
    used: dict[str, set[str]] = {}
    for use in (use for one in alerts for use in uses(one.rule.expr).metrics):
        used.setdefault(use.metric, set()).update(use.labels - {*SCRAPED})
    for name in names:
        for metric, one in catalogue(name).metrics.items():
            if metric not in used or one.sometimes:
                continue
            keys = ("metrics", metric)
            if metric not in there:
                yield Flaw(name, metric, "the server has no such metric", keys)
                continue
            for label in sorted(used[metric]):
                if not metrics.values(label, f"{metric}{{{here}}}"):
                    yield Flaw(name, metric, f"on the server it has no label {label}", keys)


def _fired(metrics: Metrics, here: str) -> Mapping[str, float]:
    """By alert: how many times it began to fire within the week."""
    firing = f'ALERTS{{{here}, alertstate="firing"}}'
    expr = f"sum by (alertname) (count_over_time(({firing} unless {firing} offset 1m)[7d:1m]))"
    return {one.labels.get("alertname", ""): one.last for one in metrics.now(expr)}
