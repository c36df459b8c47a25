"""The dashboards of an environment: which there are, whether they show anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isnan
from typing import Literal

from opsctl.errors import OpsError
from opsctl.flow.parts import Parts
from opsctl.flow.sources import door
from opsctl.flow.survey import described
from opsctl.monitoring.dashboards.asking import NoChoice, Nothing, Question, questions
from opsctl.monitoring.dashboards.build import Built, build
from opsctl.monitoring.dashboards.changes import changes
from opsctl.monitoring.dashboards.compose import Boards, Dashboard, compose
from opsctl.monitoring.dashboards.drawing import Window, drawn
from opsctl.monitoring.dashboards.page import Assets, page
from opsctl.monitoring.dashboards.provisioning import provider_file, source_file, source_uid
from opsctl.planning.workloads import alone
from opsctl.ports import Record
from opsctl.ports.metrics import Metrics, Series

_AT_ONCE = 8  # questions to Prometheus side by side: it answers one in milliseconds


def dashboards(parts: Parts, boards: Boards) -> tuple[Dashboard, ...]:
    """Every dashboard that the spec asks for, the overview first."""
    workloads, _ = described(parts)
    return compose(parts.environment, alone(workloads), boards)


def built(
    parts: Parts, made: Sequence[Dashboard], units: Mapping[str, str], source: str
) -> tuple[Built, ...]:
    """Their JSON, for the data source with uid `source`."""
    return tuple(build(one, parts.environment, units, source) for one in made)


def provisioned(parts: Parts, boards: Boards, units: Mapping[str, str]) -> Mapping[str, str]:
    """By path, the files that a Grafana which is configured by files reads: no secret in them."""
    environment = parts.environment
    made = dashboards(parts, boards)
    texts = built(parts, made, units, source_uid(environment))
    return {
        "provider.yaml": provider_file(environment),
        "datasource.yaml": source_file(environment, *door(parts)),
        **{f"dashboards/{one.file}.json": text.file for one, text in zip(made, texts, strict=True)},
    }


@dataclass(frozen=True, slots=True)
class Look:
    """What a preview shows: `minutes` until `until` (seconds since the epoch); what was done."""

    minutes: float
    until: float
    records: Sequence[Record]
    assets: Assets


@dataclass(frozen=True, slots=True)
class Blank:
    """A panel that shows nothing for one choice, and why: no series, a refused query; of a whole
    dashboard that nothing can be chosen on, `panel` is ""."""

    dashboard: str
    panel: str
    choice: Mapping[str, str]
    expr: str
    why: Literal["empty", "refused", "no-choice"]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What `dashboards check` found. `excused`: questions without an answer that need none."""

    dashboards: int
    panels: int
    asked: int
    excused: int
    blank: tuple[Blank, ...]


def check(made: Sequence[Dashboard], metrics: Metrics) -> Checked:
    """Asks the live Prometheus every question of every panel for every choice.

    Raises OpsError `metrics/away` where it does not answer at all.
    """
    metrics.now("vector(1)")  # one word from it before a thousand questions
    asked = [one for dashboard in made for one in questions(dashboard, metrics.values)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda one: _judge(one, metrics.now), asked))
    return Checked(
        dashboards=len(made),
        panels=sum(len(one.board.panels()) for one in made),
        asked=sum(isinstance(one, Question) for one in asked),
        excused=answers.count("excused"),
        blank=tuple(one for one in answers if isinstance(one, Blank)),
    )


def _judge(
    question: Question | NoChoice, now: Callable[[str], Sequence[Series]]
) -> Blank | Literal["excused", "shown"]:
    if isinstance(question, NoChoice):
        return Blank(question.dashboard, "", {}, question.among, "no-choice", question.variable)
    try:
        shown = any(_numbers(now(question.expr)))
    except OpsError as error:
        if error.code != "metrics/refused":
            raise
        return _blank(question, "refused", error.message)
    if shown:
        return "shown"
    return "excused" if question.excuse else _blank(question, "empty")


def _numbers(series: Sequence[Series]) -> Iterator[bool]:
    """Of each series, whether there is a number to see: 0/0 is none."""
    for one in series:
        yield not isnan(one.last)


def _blank(question: Question, why: Literal["empty", "refused"], words: str = "") -> Blank:
    return Blank(
        question.dashboard, question.panel.title, question.choice, question.expr, why, words
    )


def preview(
    parts: Parts, boards: Boards, units: Mapping[str, str], metrics: Metrics, look: Look
) -> str:
    """One page that shows every dashboard with live data, for reports and where no Grafana is.

    Raises OpsError `metrics/away`, and `metrics/nothing` where the environment has no data yet.
    """
    window = Window(look.until - look.minutes * 60, look.until)
    name = parts.environment.name
    try:
        shown = list(drawn(dashboards(parts, boards), metrics, units, window))
    except Nothing as nothing:
        raise OpsError(
            "metrics/nothing",
            f"Prometheus has nothing of {name}: no series {nothing.among}",
            hint="is it this environment's Prometheus, and has it asked everybody once?",
        ) from None
    notes = [(note.at, note.text) for note in changes(parts.environment, look.records)]
    return page(name, shown, notes, window, look.assets)
