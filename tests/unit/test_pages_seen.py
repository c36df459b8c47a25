"""No alert that wakes somebody is without a fault by which it is seen."""

from __future__ import annotations

from collections import Counter

from benchmarks.pages import DOCS, filled
from benchmarks.paging.book import RESULTS, Book
from benchmarks.paging.faults import ALL, LASTING, SLOWER, TARGET
from opsctl.data import catalogue, catalogues
from opsctl.monitoring.catalogue import seconds

PAGES = {
    one.alert: one
    for name in catalogues()
    for one in catalogue(name).alerts
    if one.severity == "page"
}
STRUCK = [name for fault in ALL for name in fault.pages]
ON_THE_WAY = 27.0
"""Seconds beside what an alert is held for: docs/monitoring.md, "How soon somebody is told"."""


def test_every_page_has_a_fault_by_which_it_is_seen() -> None:
    assert set(STRUCK) == set(PAGES)


def test_a_page_is_looked_for_in_one_fault() -> None:
    assert [name for name, count in Counter(STRUCK).items() if count > 1] == []


def test_labels_that_are_looked_for_are_those_of_the_alert() -> None:
    for fault in ALL:
        for blow in fault.blows:
            for name, labels in blow.pages.items():
                assert set(labels) <= {*PAGES[name].labels, "service", "environment"}, name


def test_a_page_is_held_no_longer_than_lets_it_be_told_in_time_or_a_reason_is_given() -> None:
    late = {name for name, one in PAGES.items() if seconds(one.hold) + ON_THE_WAY > TARGET}
    assert late <= set(SLOWER)


def test_reasons_are_given_for_pages_that_there_are() -> None:
    assert {*LASTING, *SLOWER} <= set(PAGES)


def test_the_page_of_alerts_shows_what_was_measured() -> None:
    page = DOCS.read_text()
    assert page == filled(page, Book(RESULTS).seen), "python -m benchmarks.pages writes it"


def test_what_was_measured_is_of_faults_that_there_are() -> None:
    seen = {(one.alert, one.fault) for one in Book(RESULTS).seen}
    assert seen <= {(name, fault.words) for fault in ALL for name in fault.pages}
