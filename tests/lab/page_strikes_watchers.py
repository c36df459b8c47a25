"""Faults of who watches and tells that pages are about."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from lab_site import await_until
from monitoring_client import query
from page_stage import Stage, Struck, dropped, folder, rewritten, stopped

SECONDS = 1800.0  # until a fault of the lab heals itself: far more than any test takes


@contextmanager
def alertmanager_stopped(stage: Stage) -> Iterator[Struck]:
    with stopped(stage, "alertmanager", "alerts-dc-0") as at:
        yield Struck(at, stage.named("alerts-dc-0"))


@contextmanager
def prometheus_stopped(stage: Stage) -> Iterator[Struck]:
    with stopped(stage, "prometheus", stage.victim) as at:
        yield Struck(at, stage.named(stage.victim))


@contextmanager
def prometheus_told_of_nobody(stage: Stage) -> Iterator[Struck]:
    path = f"{folder(stage.victim)}/prometheus.yml"
    nobody = partial(re.sub, r"(?ms)^alerting:.*?(?=^\S)", "")
    with rewritten(stage, stage.victim, "prometheus", path, nobody) as at:
        yield Struck(at, stage.named(stage.victim))


@contextmanager
def messages_refused(stage: Stage) -> Iterator[Struck]:
    """Of the Alertmanager that tells first; the clock starts with the first that is refused."""
    heard = stage.heard
    await_until(lambda: heard.senders, bool, "a message", 150)
    sender = heard.senders[-1]
    (host,) = [one.name for one in stage.site.lab.hosts if one.address == sender]
    teller = stage.member("alerts-dc", host)
    before = len(heard.refusals)
    heard.refused.add(sender)
    try:
        refusals = await_until(lambda: heard.refusals[before:], bool, f"a message of {teller}", 150)
        yield Struck(refusals[0], stage.named(teller))
    finally:
        heard.refused.discard(sender)


@contextmanager
def rule_broken(stage: Stage) -> Iterator[Struck]:
    """Two series of each name match one: what an evaluation refuses and no check can see."""
    group = """\
  - name: "broken"
    rules:
      - record: broken:up:count
        expr: |-
          up{job="node"} + on (environment) up{job="node"}
"""
    path = f"{folder(stage.victim)}/rules-shop-hosts-dc.yaml"
    broken = partial(_followed_by, more=group)
    with rewritten(stage, stage.victim, "prometheus", path, broken) as at:
        yield Struck(at, stage.named(stage.victim))


def _followed_by(text: str, more: str) -> str:
    return text.rstrip("\n") + "\n" + more


@contextmanager
def prometheus_cut_off(stage: Stage) -> Iterator[Struck]:
    """Of one that has just started it would not be told."""
    started = f'process_start_time_seconds{{job="prometheus", member="{stage.victim}"}}'
    grown = f"time() - {started} > 180"
    await_until(lambda: query(stage.site, grown, stage.watcher), bool, "three minutes", 200)
    host = stage.host(stage.victim)
    with dropped(stage, host, "out meta skuid prometheus tcp dport 9093") as at:
        yield Struck(at, stage.named(stage.victim))


@contextmanager
def prometheus_disk_filled(stage: Stage) -> Iterator[Struck]:
    host = stage.host(stage.victim)
    at = time.monotonic()
    stage.site.lab.faults.fill_disk(host, "/data", for_=SECONDS)
    try:
        yield Struck(at, stage.named(stage.victim))
    finally:
        stage.site.lab.faults.free(host)
