"""Alerts, their tests, what is wrong with them, and silences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.text import Text

from opsctl.cli.views.lines import BAD, DIM, GOOD, STRONG, WARN, Piece, ago, count, line, table
from opsctl.cli.views.view import View
from opsctl.flow.alerting import Linted, Live, Made, Tested
from opsctl.ports.alerts import Silence

_COLOURS = {"page": BAD, "ticket": WARN, "none": DIM}
_ABOUT = (("route", "proxy", "address"), ("member", "of_member", "host"))
"""The labels that tell one alert of a rule from another: of each row the first that it has."""


@dataclass(frozen=True, slots=True)
class AlertsView(View):
    """`live`: whether a Prometheus was asked. `now`: seconds since the epoch."""

    environment: str
    alerts: Sequence[Made]
    now: float
    live: bool

    def lines(self) -> Iterable[Text]:
        firing = sum(live.state == "firing" for one in self.alerts for live in one.live)
        told = f"; {count(firing, 'is', 'are')} firing" if self.live else ""
        yield line((self.environment, STRONG), f": {count(len(self.alerts), 'alert')}{told}")
        service = ""
        for one in self.alerts:
            if one.service != service:
                service = one.service
                yield line()
                yield line((service, STRONG))
                mine = [other for other in self.alerts if other.service == service]
                yield from table((), [self._row(other) for other in mine])

    def _row(self, one: Made) -> list[Piece]:
        held = f"for {one.rule.hold}" if one.rule.hold not in ("", "0s") else ""
        state = "; ".join(self._state(live) for live in one.live)
        colour = BAD if any(live.state == "firing" for live in one.live) else WARN
        severity = (one.severity, _COLOURS[one.severity])
        return [one.rule.name, severity, (held, DIM), (state, colour)]

    def _state(self, live: Live) -> str:
        found = (filter(None, map(live.labels.get, names)) for names in _ABOUT)
        who = ", ".join(name for names in found for name in list(names)[:1])
        since = f" for {ago(max(0.0, self.now - live.since))}" if live.since else ""
        return f"{live.state}{since}{f' ({who})' if who else ''}"

    def data(self) -> object:
        return {
            "environment": self.environment,
            "live": self.live,
            "alerts": [
                {
                    "service": one.service,
                    "alert": one.rule.name,
                    "severity": one.severity,
                    "for": one.rule.hold,
                    "expr": one.rule.expr,
                    **{name: one.rule.annotations.get(name, "") for name in ("summary", "runbook")},
                    "now": [
                        {"state": live.state, "since": live.since, "labels": dict(live.labels)}
                        for live in one.live
                    ],
                }
                for one in self.alerts
            ],
        }


@dataclass(frozen=True, slots=True)
class TestedView(View):
    """Errors are shown by themselves; this is the sum."""

    done: Tested

    def lines(self) -> Iterable[Text]:
        bad = len(self.done.wrong) + len(self.done.failed)
        yield line(
            (f"{count(bad, 'failure')}: " if bad else "all right: ", BAD if bad else GOOD),
            f"{count(self.done.files, 'rule file')} of the spec, "
            f"{count(self.done.cases, 'case')} of {count(self.done.alerts, 'alert')}",
        )

    def data(self) -> object:
        return {
            "files": self.done.files,
            "alerts": self.done.alerts,
            "cases": self.done.cases,
            "wrong": [{"where": str(one.where), "words": one.message} for one in self.done.wrong],
            "failed": [{"where": str(one.where), "words": one.message} for one in self.done.failed],
        }


@dataclass(frozen=True, slots=True)
class LintView(View):
    """What was found, and how often alerts fired."""

    found: Linted

    def lines(self) -> Iterable[Text]:
        for flaw, place in self.found.flaws:
            yield line((flaw.rule, STRONG), f": {flaw.words}", (f"  {place or ''}", DIM))
        if not self.found.flaws:
            yield line(("nothing is wrong with the rules", GOOD))
        if self.found.fired:
            yield line()
            yield line("began to fire in the last week:")
            often = sorted(self.found.fired.items(), key=lambda pair: (-pair[1], pair[0]))
            yield from table((), [[name, f"{times:.0f}"] for name, times in often])

    def data(self) -> object:
        return {
            "flaws": [
                {
                    "catalogue": flaw.catalogue,
                    "rule": flaw.rule,
                    "words": flaw.words,
                    "where": str(place or ""),
                }
                for flaw, place in self.found.flaws
            ],
            "fired": dict(self.found.fired),
        }


@dataclass(frozen=True, slots=True)
class SilencesView(View):
    """Those that are not over."""

    environment: str
    there: Sequence[Silence]
    now: float

    def lines(self) -> Iterable[Text]:
        if not self.there:
            yield line((self.environment, STRONG), ": nothing is silenced")
        for one in self.there:
            yield from self._silence(one)

    def _silence(self, one: Silence) -> Iterator[Text]:
        labels = ", ".join(f"{name}={value}" for name, value in one.labels.items())
        until = f"{datetime.fromtimestamp(one.ends, UTC):%Y-%m-%d %H:%M:%S} UTC"
        yield line((labels, STRONG), f": {one.reason}")
        left = ago(max(0.0, one.ends - self.now))
        yield line(f"  by {one.by}; it ends by itself in {left}, {until}", (f"  {one.id}", DIM))

    def data(self) -> object:
        return {
            "environment": self.environment,
            "silences": [
                {
                    "id": one.id,
                    "labels": dict(one.labels),
                    "ends": one.ends,
                    "by": one.by,
                    "reason": one.reason,
                }
                for one in self.there
            ],
        }
