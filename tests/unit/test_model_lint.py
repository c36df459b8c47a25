"""The linter: what is allowed but rarely meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_model_demo import ENGINES, HEAD, LAB, loaded, spanned
from test_model_demo import HOSTS as CLOCKLESS

from opsctl.errors import Place
from opsctl.model import Environment, ServiceBase, lint, load
from opsctl.model.codes import FINDINGS

HOSTS = CLOCKLESS + "    time: external\n"
CARE = "slo: {rto: 30s}, backup: {schedule: '0 3 * * *', path: /mnt/backup}"
WEB = "services: {web: {engine: demo, on: dc, " + CARE + "%s}}\n"
CLUSTER = HEAD + "targets: {dc: {kubernetes: {}}}\n"


def codes(tmp_path: Path, text: str) -> list[str]:
    """What the linter says, but that backup is not built yet."""
    said = [finding.code for finding in lint(loaded(tmp_path, text))]
    return [code for code in said if code != "lint/unsupported"]


def test_a_service_with_all_that_it_needs_is_not_complained_about(tmp_path: Path) -> None:
    assert codes(tmp_path, HOSTS + WEB % "") == []


@pytest.mark.parametrize(
    ("text", "code", "underlined"),
    [
        (LAB + WEB % ", replicas: 1", "lint/one-replica", "1"),
        (LAB + WEB % ", replicas: 2", "lint/two-members", "2"),
        (LAB + WEB.replace("30s", "30s, rpo: 0") % "", "lint/rpo-zero", "0"),
        (LAB + WEB.replace("slo: {rto: 30s}, ", "") % "", "lint/no-slo", "web"),
        (LAB + WEB.replace(", backup: {schedule: '0 3 * * *', path: /mnt/backup}", "") % "",
         "lint/no-backup", "web"),
        (HOSTS + WEB % ", replicas: 2, mode: copying, place: {hosts: [n2, n3]}", "lint/one-rack",
         "place"),
        (HOSTS + WEB % ", place: {hosts: [n1, n2, n3, n3]}", "lint/duplicate-host", "hosts"),
        (LAB + WEB.replace(", path: /mnt/backup", "") % "", "lint/backup-same-disk", "backup"),
        (LAB + WEB % ", settings: {fsync: off}", "lint/fsync", "off"),
        (CLUSTER + WEB % ", place: {hosts: [n1]}", "lint/not-on-kubernetes", "hosts"),
        (CLUSTER + WEB % "" + "routes: {r: {to: web, vip: 10.0.0.9}}\n", "lint/not-on-kubernetes",
         "10.0.0.9"),
    ],
)  # fmt: skip
def test_a_finding_underlines_what_it_means(
    tmp_path: Path, text: str, code: str, underlined: str
) -> None:
    found = {finding.code: finding for finding in lint(loaded(tmp_path, text))}
    assert code in found
    assert spanned(found[code].where) == underlined
    assert code in FINDINGS or code == "lint/fsync"
    assert found[code].severity == ("error" if code == "lint/rpo-zero" else "warning")


def test_a_service_that_is_taken_down_or_not_ours_is_left_in_peace(tmp_path: Path) -> None:
    gone = "services: {web: {engine: demo, on: dc, replicas: 1, state: absent}}\n"
    others = "services: {web: {engine: demo, external: {addresses: ['a:1']}}}\n"
    assert codes(tmp_path, LAB + gone) == []
    assert codes(tmp_path, LAB + others) == []


def test_hosts_of_unknown_racks_are_not_called_one_rack(tmp_path: Path) -> None:
    hosts = HEAD + "targets: {dc: {hosts: {n1: {}, n2: {}, n3: {}}, time: external}}\n"
    assert codes(tmp_path, hosts + WEB % "") == []


def test_what_is_read_but_not_built_is_said(tmp_path: Path) -> None:
    text = LAB + WEB % "" + "routes: {r: {to: web}}\n"
    said = [
        finding for finding in lint(loaded(tmp_path, text)) if finding.code == "lint/unsupported"
    ]
    assert [finding.keys[-1] for finding in said] == ["routes"]
    assert all(isinstance(finding.where, Place) for finding in said)


def test_a_document_without_places_is_linted_with_the_names_of_its_keys(tmp_path: Path) -> None:
    from test_model_demo import ENGINES

    from opsctl.model import load_data

    document = loaded(tmp_path, LAB + WEB % ", replicas: 1").document
    found = {finding.code: finding for finding in lint(load_data(document, engines=ENGINES))}
    assert found["lint/one-replica"].where == "services.web.replicas"


class ClockService(ServiceBase):
    keeps_data = False
    every_host = True
    keeps_time = True


def clocked(tmp_path: Path, text: str) -> Environment:
    """The spec where an engine that keeps time is to be had."""
    file = tmp_path / "opsctl.yaml"
    file.write_text(text)
    return load([file], engines={**ENGINES, "clock": ClockService})


def with_clocks(tmp_path: Path, text: str) -> list[str]:
    return [finding.code for finding in lint(clocked(tmp_path, text))]


def test_who_keeps_time_is_named_by_what_the_engines_say(tmp_path: Path) -> None:
    def hint(spec: Environment) -> str:
        (found,) = [one for one in lint(spec) if one.code == "lint/no-time-sync"]
        return found.hint

    text = CLOCKLESS + WEB % ""
    words = "a service that keeps time{}, or `time: external` in the target when others see to it"
    example = ", such as `time: {engine: clock, on: dc}`"
    assert hint(clocked(tmp_path, text)) == words.format(example)
    assert hint(loaded(tmp_path, text)) == words.format("")


def test_hosts_whose_services_elect_want_somebody_who_keeps_their_clocks(tmp_path: Path) -> None:
    found = {finding.code: finding for finding in lint(loaded(tmp_path, CLOCKLESS + WEB % ""))}
    assert spanned(found["lint/no-time-sync"].where) == "dc"
    kept = CLOCKLESS + (WEB % "").replace("{web:", "{time: {engine: clock, on: dc}, web:")
    assert "lint/no-time-sync" not in with_clocks(tmp_path, kept)
    assert "lint/no-time-sync" not in codes(tmp_path, CLOCKLESS + WEB % ", replicas: 1")
    assert "lint/no-time-sync" not in codes(tmp_path, LAB + WEB % "")  # this machine's clock


def test_a_service_that_serves_its_hosts_has_nobody_to_promise_anything(tmp_path: Path) -> None:
    assert with_clocks(tmp_path, CLOCKLESS + "services: {t: {engine: clock, on: dc}}\n") == []
