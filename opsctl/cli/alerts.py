"""`opsctl alerts`: what the spec makes, whether it is right, what fires, what is silenced."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.labels import Labels, pairs
from opsctl.cli.session import Session
from opsctl.cli.times import duration
from opsctl.cli.views.alerts import AlertsView, LintView, SilencesView, TestedView
from opsctl.errors import Exit, OpsError, SpecError
from opsctl.flow.parts import unknown

if TYPE_CHECKING:
    from opsctl.flow.alerting import Made
    from opsctl.flow.parts import Parts
    from opsctl.planning.workloads import Workloads
    from opsctl.ports.metrics import Metrics

app = new_app("Alerts: which there are, what fires, silences, and whether rules are right.")
Name = Annotated[str, typer.Argument(metavar="ALERT", help="Left out: all.")]
Service = Annotated[str, typer.Option("--service", metavar="NAME", help="Of this service alone.")]
Offline = Annotated[bool, typer.Option("--offline", help="Ask no server.")]


@command(app, "spec", "output", name="list")
def list_(
    session: Session,
    alert: Name = "",
    service: Service = "",
    firing: Annotated[bool, typer.Option("--firing", help="Only what is true now.")] = False,
    offline: Offline = False,
) -> Exit:
    """Every alert that the spec makes, with what is true of it now where Prometheus answers.

    Exit 6: with --firing, and no Prometheus answered.
    """
    parts = session.parts()
    placed, found = _made(parts, ask=not offline)
    services = {*parts.environment.services, *placed, *(one.service for one in found)} - {""}
    if service and service not in services:
        raise unknown("service", service, tuple(services))
    found = [one for one in found if alert in ("", one.rule.name)]
    if alert and not found:
        raise _unknown(alert)
    with _metrics(session, parts, placed, offline=offline) as metrics:
        live = metrics is not None
        if metrics is not None:
            from opsctl.flow.alerting import with_live

            found = list(with_live(found, metrics))
    if service:
        from opsctl.flow.alerting import about

        found = list(about(found, service))
    if firing:
        found = [one for one in found if one.live]
    session.screen.result(AlertsView(parts.environment.name, found, time.time(), live=live))
    return Exit.UNOBSERVED if firing and not live else Exit.DONE


@command(app, "spec", "output", name="test")
def check(
    session: Session,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="CATALOGUE", help="Left out: all.")
    ] = None,
) -> Exit:
    """promtool's judgement: of the rule files that the spec makes, and of every alert's cases.

    Exit 3: a file is refused, or a case did not come out.
    """
    from opsctl import data, wiring
    from opsctl.flow.alerting import judged
    from opsctl.planning.workloads import alone

    parts = session.parts()
    placed, _ = _made(parts)
    known = data.catalogues()
    for name in names or ():
        if name not in known:
            raise SpecError(
                "cli/usage", f"there is no catalogue {name}", hint=f"there is {', '.join(known)}"
            )
    done = judged(
        parts.environment,
        alone(placed),
        data.catalogue,
        data.trials,
        names or known,
        data.catalogue_place,
        wiring.rule_tool(),
    )
    for error in (*done.wrong, *done.failed):
        session.screen.error(error)
    session.screen.result(TestedView(done))
    return Exit.DIFFERS if done.wrong or done.failed else Exit.DONE


@command(app, "spec", "output")
def lint(session: Session, offline: Offline = False) -> Exit:
    """Rules that can't fire, are held for less than two scrapes, or have no runbook.

    Where Prometheus answers, also those about metrics that it does not have, and how often each
    alert began to fire in the last week. Exit 3: something was found.
    """
    from opsctl import data
    from opsctl.flow.alerting import INTERVAL, linted

    parts = session.parts()
    placed, alerts = _made(parts, ask=not offline)
    monitoring = parts.environment.monitoring
    with _metrics(session, parts, placed, offline=offline) as metrics:
        found = linted(
            data.catalogues(),
            data.catalogue,
            frozenset(data.runbooks()),
            data.catalogue_place,
            parts.environment.name,
            metrics,
            alerts,
            monitoring.interval.seconds if monitoring else INTERVAL,
        )
    session.screen.result(LintView(found))
    return Exit.DIFFERS if found.flaws else Exit.DONE


@command(app, "spec", "output")
def silence(
    session: Session,
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="Left out: list.")] = "",
    label: Labels = None,
    time_: Annotated[str, typer.Option("--for", metavar="TIME", help="How long, such as 2h.")] = "",
    reason: Annotated[str, typer.Option(help="Why; everybody who looks is told.")] = "",
    end: Annotated[
        str, typer.Option("--end", metavar="ID", help="End the one of this id now.")
    ] = "",
) -> None:
    """Tell nobody of an alert for a while; it fires all the same. Or list what is silenced.

    With --label alone, everything with these labels.
    """
    from opsctl import wiring

    labels = pairs(label or ())
    adding = bool(alert or labels)
    if (adding and end) or adding != bool(time_):
        hint = "ALERT --label NAME=VALUE --for 2h --reason TEXT; or --end ID; or nothing to list"
        raise SpecError("cli/usage", "say what and for how long, or what to end", hint=hint)
    if adding and not reason:
        raise SpecError("cli/usage", "say why: others will find it", hint="--reason TEXT")
    seconds = duration("--for", time_, least=1.0).seconds if time_ else 0.0
    parts = session.parts()
    placed, found = _made(parts)
    if alert and alert not in {one.rule.name for one in found}:
        raise _unknown(alert)
    with wiring.alertmanager(parts, placed) as server:
        if end:
            server.end(end)
            session.screen.say(f"ended {end}")
        elif adding:
            wanted = {**({"alertname": alert} if alert else {}), **labels}
            wanted["environment"] = parts.environment.name
            made = server.add(wanted, seconds, parts.who, reason)
            session.screen.say(f"silenced for {time_}: {made}")
        session.screen.result(SilencesView(parts.environment.name, server.there(), time.time()))


def _unknown(alert: str) -> OpsError:
    return SpecError(
        "alerts/unknown",
        f"the spec makes no alert {alert}",
        hint="`opsctl alerts list --offline` shows all",
    )


def _made(parts: Parts, *, ask: bool = True) -> tuple[Workloads, list[Made]]:
    """Every service with its target, and the alerts."""
    from opsctl import data
    from opsctl.flow.alerting import made
    from opsctl.flow.survey import described
    from opsctl.planning.workloads import alone

    placed, _ = described(parts, ask=ask)
    return placed, list(made(parts.environment, alone(placed), data.catalogue))


@contextmanager
def _metrics(
    session: Session,
    parts: Parts,
    placed: Workloads,
    *,
    offline: bool,
) -> Iterator[Metrics | None]:
    """The environment's Prometheus; None, and why, where none answers."""
    from opsctl import wiring

    if offline:
        yield None
        return
    with wiring.if_any(wiring.prometheus(parts, placed)) as (found, why):
        if why is not None and why.code != "metrics/none":
            session.screen.warn(f"without what is true now: {why.message}")
        yield found
