"""Every alert's runbook: whole, for the right labels, with commands that opsctl has."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from opsctl.cli.main import whole
from opsctl.data import catalogue, catalogues, runbook_page, runbooks
from opsctl.monitoring import Alert
from opsctl.monitoring.runbooks import SECTIONS, Command, Runbook, runbook, wanted

ALERTS = {alert.alert: alert for name in catalogues() for alert in catalogue(name).alerts}
CONSOLE = ("INFO", "CLIENT LIST", "SLOWLOG GET")
"""What is said to a server's console and changes nothing there."""


def filled(alert: Alert) -> Runbook:
    labels = {name: f"a-{name}" for name in ("service", *alert.labels)}
    return runbook(alert.alert, runbook_page(alert.alert), labels)


def section(page: Runbook, title: str) -> tuple[Command, ...]:
    return next(one.commands for one in page.sections if one.title == title)


def test_every_alert_has_a_runbook_and_no_runbook_is_of_an_alert_that_is_gone() -> None:
    assert set(runbooks()) == set(ALERTS)


def test_a_runbook_has_all_sections_each_with_words() -> None:
    for page in map(filled, ALERTS.values()):
        assert page.text.startswith(f"# {page.alert}\n")
        assert tuple(one.title for one in page.sections) == SECTIONS, page.alert
        assert all(one.prose for one in page.sections), page.alert


def test_a_runbook_speaks_only_of_labels_that_its_alert_fires_with() -> None:
    for alert in ALERTS.values():
        said = wanted(runbook_page(alert.alert)) - {"service", *alert.labels}
        assert said == set(), alert.alert


def test_commands_of_runbooks_are_opsctls_own() -> None:
    for page in map(filled, ALERTS.values()):
        for step in [step for one in page.sections for step in one.commands]:
            assert step.line.startswith("opsctl "), f"{page.alert}: {step.line}"
            parse(step.words)


def test_what_diagnoses_and_verifies_changes_nothing() -> None:
    for page in map(filled, ALERTS.values()):
        assert section(page, "Diagnose"), page.alert
        assert section(page, "Verify"), page.alert
        for step in (*section(page, "Diagnose"), *section(page, "Verify")):
            assert step.reads, f"{page.alert}: {step.line}"
            if step.words[0] == "connect":
                assert " ".join(step.words[2:]).startswith(CONSOLE), f"{page.alert}: {step.line}"


def test_what_acts_asks_before_it_does_so() -> None:
    for page in map(filled, ALERTS.values()):
        for step in section(page, "Act"):
            assert not step.reads, f"{page.alert}: {step.line}"
            assert "yes" in parse(step.words), f"{page.alert}: {step.line} asks nobody"


@cache
def parse(words: tuple[str, ...]) -> dict[str, Any]:
    """What the command makes of its words; raises where it would refuse them."""
    group, rest = whole(), list(words)
    with group.make_context("opsctl", list(words), resilient_parsing=True) as context:
        while hasattr(group, "commands") or hasattr(group, "resolve_command"):
            _, group, rest = group.resolve_command(context, rest)
        found = group.make_context("opsctl", rest, parent=context)
    return dict(found.params)


def test_a_label_that_nobody_gave_stays_and_is_told() -> None:
    page = runbook("Toy", "# Toy\n\n## Act\n\n```sh\nopsctl status --limit {{ x }}\n```\n", {})
    (step,) = page.sections[0].commands
    assert step.missing == ("x",)
    assert "{{ x }}" in page.text


@pytest.mark.parametrize(
    ("line", "reads"),
    [
        ("opsctl status", True),
        ("opsctl lock show", True),
        ("opsctl lock release", False),
        ("opsctl alerts list --firing", True),
        ("opsctl alerts silence X", False),
        ("opsctl apply", False),
    ],
)
def test_what_only_reads_is_known(line: str, reads: bool) -> None:
    assert Command(line).reads is reads


def test_no_page_names_a_path_or_program_of_one_machine() -> None:
    for name in runbooks():
        assert not re.search(r"/tmp/|/work/|localhost", runbook_page(name))
