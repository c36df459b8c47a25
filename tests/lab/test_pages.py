"""Every alert that wakes somebody, from its fault to whom it is told, and that it is over.

`make soak`, or a part: `pytest -m soak tests/lab/test_pages.py -k "replica or disk"`. What was
measured stands in benchmarks/results/pages.json; `python -m benchmarks.pages` puts it into
docs/alerts.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace

import pytest
from lab_site import Site, await_until
from monitoring_client import query, targets, webhook
from page_stage import Stage, Struck
from page_strikes import STRIKES
from redis_client import await_whole
from route_client import vip

from benchmarks.paging.book import RESULTS, Book, Seen
from benchmarks.paging.faults import FAULTS, LASTING, Fault
from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.timeout(5400)]

# Who watches is placed so that any two of the other hosts may go.
SPEC = """\
opsctl: 1
name: shop
targets:
  dc: {{hosts: 'lab:{lab}'}}
services:
  sessions:
    engine: redis
    on: dc
    place: {{hosts: [n1, n2, n3]}}
    replicas: 3
    failover: fast
    memory: 64MiB
    slo: {{availability: 99.9}}
  cart:
    engine: redis
    on: dc
    place: {{hosts: [n1]}}
    port: 6390
    memory: 16MiB
    storage: {{path: /data}}
    settings: {{maxclients: 60}}
  balancer-dc:
    engine: haproxy
    on: dc
    place: {{hosts: [n1, n2]}}
    replicas: 2
    failover: fast
"""
WATCHING = """\
  metrics-dc:
    engine: prometheus
    on: dc
    place: {hosts: [n3, n4]}
    replicas: 2
    storage: {path: /data}
  alerts-dc:
    engine: alertmanager
    on: dc
    place: {hosts: [n3, n4]}
    replicas: 2
    receivers: [{name: oncall, webhook: {secret: oncall}}]
"""
ROUTES = """\
routes:
  sessions: {to: sessions, vip: VIP}
  read: {to: sessions, role: replica, vip: VIP, port: 6380, max_connections: 20}
"""
MONITORING = "monitoring: {on: dc, replicas: 2, interval: 5s}\n"
PATIENCE = 600.0  # seconds for a page to be told, five of which some are held for
OVER = 900.0  # seconds for its end, five minutes of which some look back
CALM = 2700.0  # seconds until nobody is called any more; half an hour of which one looks back


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    """Services that serve; what watches them comes later, so that it sees nothing begin."""
    site = make_site("pages", 4, SPEC, data_mib=256)
    site.write(site.spec + ROUTES.replace("VIP", vip(site)))
    site.apply()
    await_whole(site, "sessions")
    return site


@pytest.fixture(scope="module")
def stage(site: Site) -> Iterator[Stage]:
    with webhook(site) as heard:
        site.ok("secrets", "set", "oncall", text=heard.url)
        site.edit("routes:\n", f"{WATCHING}routes:\n")
        site.write(site.spec + MONITORING)
        site.ok("apply", "--yes", timeout=900)
        seats = {
            str(one["name"]): str(one["where"]).rpartition("/")[2]
            for service in site.status()["services"]
            for one in service["members"]
        }
        yield Stage(site, heard, seats)


@pytest.fixture(scope="module")
def book() -> Book:
    return Book(RESULTS)


def calling(stage: Stage, *names: str) -> list[str]:
    """Pages that are told, or about to be: of these names, or of all that don't look far back.

    Nor may one that is over be still to be told as such: firing again is told to nobody then.
    """
    which = f'alertname=~"{"|".join(names)}"' if names else 'alertname!~"SloBurns.*"'
    expression = f'ALERTS{{severity="page", {which}}}'
    try:
        found = [query(stage.site, expression, one) for one in (stage.victim, stage.watcher)]
    except OSError as error:  # it comes up
        return [str(error)]
    true = {str(one["metric"]["alertname"]) for some in found for one in some}
    return sorted(true | (standing(stage) & set(names)))


def standing(stage: Stage) -> set[str]:
    """The alerts of which people were told, and not yet that they are over."""
    last = {frozenset(one.alert["labels"].items()): one.alert for one in list(stage.heard.heard)}
    return {one["labels"]["alertname"] for one in last.values() if one["status"] == "firing"}


def answers(stage: Stage, member: str) -> set[str]:
    """Of all that a Prometheus asks: how that went."""
    try:
        return set(targets(stage.site, member).values())
    except OSError as error:
        return {str(error)}


def settle(stage: Stage) -> None:
    """The site is whole again, everything is watched, and nobody is called for anything."""
    site = stage.site
    await_whole(site, "sessions", seconds=240)
    await_until(
        lambda: site.run("plan", "--exit-code"), lambda ended: ended.exit == 0, "an empty plan",
        240, show=True,
    )  # fmt: skip
    for member in (stage.victim, stage.watcher):
        await_until(
            lambda member=member: answers(stage, member),
            lambda said: said == {"up"},
            f"all that {member} asks",
            240,
        )
    await_until(lambda: calling(stage), lambda names: names == [], "silence", OVER)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.words)
def test_it_is_told_and_that_it_is_over(stage: Stage, book: Book, fault: Fault) -> None:
    await_until(lambda: calling(stage), lambda names: names == [], "silence", OVER)
    await_until(lambda: calling(stage, *fault.pages), lambda names: names == [], "calm", CALM)
    began = time.monotonic()
    with ExitStack() as standing:
        struck = [(blow, standing.enter_context(STRIKES[blow.strike](stage)))
                  for blow in fault.blows]  # fmt: skip
        told = {
            name: _told(stage, book, fault, name, labels, one)
            for blow, one in struck
            for name, labels in blow.pages.items()
        }
        if fault.alone:
            assert _others(stage, began, fault, struck[0][1]) == []
        undone = time.monotonic()
    for blow, one in struck:
        for name, labels in blow.pages.items():
            if name not in LASTING:
                first = one.at + told[name].told
                over = stage.heard.since(first, name, "resolved", OVER, _labels(labels, one))
                book.add(replace(told[name], over=round(max(0.0, over.at - undone), 1)))
    settle(stage)


def _told(
    stage: Stage, book: Book, fault: Fault, name: str, labels: Mapping[str, str], struck: Struck
) -> Seen:
    """A page that was heard, noted."""
    heard = stage.heard.since(struck.at, name, "firing", PATIENCE, _labels(labels, struck))
    seen = Seen(name, fault.words, round(heard.at - struck.at, 1), None)
    book.add(seen)
    return seen


def _labels(labels: Mapping[str, str], struck: Struck) -> Mapping[str, str]:
    said = {name: value.format(**struck.words) for name, value in labels.items()}
    return {**said, "severity": "page", "environment": "shop"}


def _others(stage: Stage, began: float, fault: Fault, struck: Struck) -> list[str]:
    """What else was told of the host."""
    told = [one.alert for one in stage.heard.heard if one.at >= began]
    firing = [one["labels"] for one in told if one["status"] == "firing"]
    host = struck.words["host"]
    return [
        one["alertname"]
        for one in firing
        if one.get("host") == host and one["alertname"] not in fault.pages
    ]
