"""What monitoring is made of: data about kinds of servers, a Grafana."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from opsctl import data
from opsctl.errors import Exit, OpsError
from opsctl.flow.parts import Parts
from opsctl.wiring.alerting import PATIENCE, prometheus
from opsctl.workload import SecretRef, Workload

if TYPE_CHECKING:
    from opsctl.clients.grafana import GrafanaServer
    from opsctl.flow.pushing import Pushing
    from opsctl.flow.reading import Live
    from opsctl.monitoring.dashboards.document import Board
    from opsctl.monitoring.dashboards.page import Assets
    from opsctl.ports.metrics import Metrics


_PATIENCE = 2.0  # seconds that `status` waits for numbers
_RECENT = 500  # records of the journal that a preview looks at


@cache
def boards() -> Mapping[str, Board]:
    """By name, what dashboards/NAME.yaml say. Raises OpsErrors for mistakes in them."""
    return {name: data.board(name) for name in data.names("dashboards")}


@cache
def units() -> Mapping[str, str]:
    """The unit of every metric and recorded series that a catalogue has."""
    found: dict[str, str] = {}
    for name in data.names("alerts"):
        catalogue = data.catalogue(name)
        found |= {metric: one.unit for metric, one in catalogue.metrics.items()}
        for record in catalogue.records:
            found |= dict.fromkeys(_recorded(record.record), record.unit)
    return found


def _recorded(name: str) -> Iterator[str]:
    """What a record is called: one that is made for several times bears each in its name."""
    from opsctl.monitoring.filling import fill
    from opsctl.monitoring.promises import windows

    yield from dict.fromkeys(fill(name, values, name) for values in windows())


def grafana(parts: Parts) -> GrafanaServer:
    """The Grafana of the spec. Raises OpsError where none is named or its token can't be had."""
    from opsctl.clients.grafana import GrafanaServer

    named = parts.environment.grafana
    if named is None:
        raise OpsError(
            "grafana/none",
            "the spec names no Grafana",
            hint="monitoring: {grafana: {url: ..., token: {secret: NAME}}}; or write files with "
            "`opsctl render dashboards DIR`",
            exit=Exit.INPUT,
        )
    secret = named.token.secret
    token = parts.secrets.value(SecretRef(secret, given=True))
    if not token:
        raise OpsError(
            "grafana/no-token",
            f'the secret "{secret}" has no value here',
            where=parts.environment.place(("monitoring", "grafana", "token")),
            hint=f"`opsctl secrets set {secret}`: the token of a service account",
            exit=Exit.REFUSED,
        )
    return GrafanaServer(named.url, token, named.ca)


def pushing(parts: Parts, datasource: str = "") -> Pushing:
    """A push of the environment's dashboards into its Grafana. Raises as `grafana`."""
    from opsctl.flow.pushing import Pushing
    from opsctl.flow.sources import own_source

    return Pushing(grafana(parts), parts, units(), boards(), datasource, own_source(parts))


@contextmanager
def metrics(parts: Parts, url: str = "", timeout: float = PATIENCE) -> Iterator[Metrics]:
    """The Prometheus at `url`; else one of the environment's own. Raises as `prometheus`."""
    from opsctl.flow.survey import described

    if url:
        from opsctl.clients.prometheus import PrometheusServer

        yield PrometheusServer(url, timeout=timeout)
        return
    placed, _ = described(parts)
    with prometheus(parts, placed, timeout) as found:
        yield found


def preview(parts: Parts, minutes: float, url: str = "") -> tuple[str, tuple[OpsError, ...]]:
    """One HTML page of all dashboards with live data, and who can't be asked what was done.

    Raises as `metrics`.
    """
    from opsctl.flow.dashboards import Look
    from opsctl.flow.dashboards import preview as preview_
    from opsctl.flow.watching import history

    with metrics(parts, url) as source:
        records, away = history(parts, _RECENT)
        look = Look(minutes, time.time(), records, _assets())
        return preview_(parts, boards(), units(), source, look), away


def _assets() -> Assets:
    from opsctl.monitoring.dashboards.page import Assets

    folder = data.folder("dashboards") / "preview"
    names = ("uPlot.iife.min.js", "uPlot.min.css", "uPlot.LICENSE", "page.js", "page.css")
    return Assets(*((folder / name).read_text() for name in names))


def measured(parts: Parts, workloads: Mapping[str, Workload]) -> Mapping[str, Live]:
    """What the environment's own Prometheus says of services; nothing where it does not soon."""
    from opsctl.flow.reading import live

    environment = parts.environment
    own = any(environment.services[name].collects for name in workloads)
    if environment.prometheus is None and not own:
        return {}
    try:
        with metrics(parts, timeout=_PATIENCE) as source:
            return live(environment.name, workloads, boards(), units(), source, _PATIENCE)
    except OpsError:
        return {}
