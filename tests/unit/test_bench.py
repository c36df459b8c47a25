"""The benchmark's arithmetic and words; its measuring needs hosts and is `make bench`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from benchmarks.environments import HERE
from benchmarks.measuring import Failed, fair_environment, timed
from benchmarks.results import (
    APPLY_INSTALLED,
    KEPT_CONNECTION,
    Book,
    Row,
    Target,
    faster,
    ratios,
    verdicts,
)
from benchmarks.tables import Report
from benchmarks.tools.opsctl import spec
from benchmarks.tools.pyinfra import changes
from benchmarks.world import World, members

DRY = """\
--> Detected changes:
    Operation                     Change           Conditional Change   
    Packages                      {packages}  -                    
    Restart redis                 -                3 (n1, n2, n3)       

    Detected changes may not include every change pyinfra will execute.
"""  # noqa: W291 - as pyinfra prints it


def row(tool: str, *seconds: float, label: str = "", hosts: int = 3) -> Row:
    return Row(hosts, KEPT_CONNECTION, label or tool, tool, dict(enumerate(seconds)))


def test_a_ratio_compares_the_times_of_the_same_run() -> None:
    assert ratios(row("opsctl", 1.0, 4.0), row("pyinfra", 2.0, 16.0)) == (0.5, 0.25)


def test_a_run_that_one_of_both_lacks_has_no_ratio() -> None:
    ours, other = row("opsctl", 1.0, 1.0), Row(3, KEPT_CONNECTION, "x", "x", {1: 4.0})
    assert ratios(ours, other) == (0.25,)


def test_of_two_ways_the_faster_counts_in_each_run() -> None:
    both = faster([row("pyinfra", 2.0, 3.0, label="--dry"), row("pyinfra", 1.0, 5.0)])
    assert both.seconds == {0: 1.0, 1: 3.0}


@pytest.mark.parametrize(("ours", "word"), [(0.3, "reached"), (0.35, "reached"), (0.36, "missed")])
def test_a_target_is_reached_at_its_bound_and_missed_beyond(ours: float, word: str) -> None:
    rows = [row("opsctl", ours), row("pyinfra", 2.0, label="--dry"), row("pyinfra", 1.0)]
    (verdict,) = verdicts(rows, [Target(3, KEPT_CONNECTION, "pyinfra", 0.35)])
    assert verdict.words == word


def test_a_target_without_measurements_says_so_instead_of_passing() -> None:
    rows = [row("opsctl", 1.0), Row(3, KEPT_CONNECTION, "pyinfra", "pyinfra", {}, "no pip")]
    (verdict,) = verdicts(rows, [Target(3, KEPT_CONNECTION, "pyinfra", 0.35)])
    assert (verdict.ratio, verdict.words) == (None, "not measured")


def test_targets_of_numbers_of_hosts_that_were_not_asked_for_are_left_out() -> None:
    targets = [Target(20, APPLY_INSTALLED, "pyinfra", 0.4)]
    assert list(verdicts([row("opsctl", 1.0)], targets)) == []


def test_a_tool_that_was_not_installed_has_a_row_with_the_reason() -> None:
    book = Book()
    book.note(3, KEPT_CONNECTION, "opsctl plan", "opsctl", 0, 1.0)
    book.miss(3, KEPT_CONNECTION, "pyinfra", "pyinfra", "can't be installed: no | index")
    text = Report({}, book.rows).markdown()
    assert "| pyinfra | not measured: can't be installed: no / index |" in text


def test_the_table_shows_median_spread_and_ratio_with_its_range() -> None:
    rows = (row("opsctl", 1.0, 2.0, 3.0), row("pyinfra", 4.0, 4.0, 4.0))
    text = Report({}, rows).markdown()
    assert "| opsctl | 2.00 | 1.00 | 3.00 | 3 |  |" in text
    assert "| pyinfra | 4.00 | 4.00 | 4.00 | 3 | 0.50 (0.25 to 0.75) |" in text


def test_the_json_holds_every_run_and_can_be_written() -> None:
    text = json.dumps(Report({"date": "today"}, (row("opsctl", 1.0, 2.0),)).json())
    assert json.loads(text)["rows"][0]["seconds"] == {"0": 1.0, "1": 2.0}


def test_twenty_hosts_are_four_services_of_five_and_three_are_one() -> None:
    hosts = [(f"n{number}", f"10.0.0.{number}") for number in range(1, 21)]
    assert {one.size for one in members(hosts)} == {5}
    assert len({one.service for one in members(hosts)}) == 4
    assert [one.primary for one in members(hosts[:3])] == ["10.0.0.1"] * 3


def test_every_host_has_a_part_whatever_their_number() -> None:
    for count in range(1, 40):
        made = members([(f"n{number}", str(number)) for number in range(count)])
        assert len(made) == count
        assert max(one.size for one in made) <= 5


def test_the_spec_of_opsctl_names_every_host_once() -> None:
    class Hosts:
        name = "bench7"

    made = members([(f"n{number}", str(number)) for number in range(1, 8)])
    text = spec(World(Hosts(), made, Path()))  # type: ignore[arg-type]
    assert sorted(re.findall(r"\bn\d\b", text)) == [f"n{number}" for number in range(1, 8)]


def test_a_dry_run_of_pyinfra_that_announces_a_change_is_seen() -> None:
    assert changes(DRY.format(packages="3 (n1, n2, n3)")) == 1


def test_conditional_changes_of_pyinfra_alone_are_none() -> None:
    assert changes(DRY.format(packages="-             ")) == 0


@pytest.mark.parametrize(("made", "count"), [("45", 45), ("- ", 0)])
def test_a_real_run_of_pyinfra_counts_its_grand_total(made: str, count: int) -> None:
    assert changes(f"    Grand total    54      {made}        -       9           \n") == count


def test_output_of_pyinfra_without_a_table_is_an_error_not_a_success() -> None:
    with pytest.raises(Failed, match="no table"):
        changes("--> Disconnecting from hosts...")


def test_no_tool_is_run_without_its_compiled_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("ANSIBLE_FORKS", "1")
    assert not {"PYTHONDONTWRITEBYTECODE", "ANSIBLE_FORKS"} & fair_environment({}).keys()


def test_a_command_beyond_its_bound_is_killed_with_its_children(tmp_path: Path) -> None:
    code = "import subprocess; subprocess.run(['sleep', '60'])"
    with pytest.raises(Failed, match="longer than its bound"):
        timed([sys.executable, "-c", code], env={}, cwd=tmp_path, timeout=0.5)


def test_a_command_that_fails_gives_its_last_words(tmp_path: Path) -> None:
    done = timed(["sh", "-c", "echo no such host; exit 4"], env={}, cwd=tmp_path, timeout=10)
    with pytest.raises(Failed, match="ended with 4: no such host"):
        done.expect(0)


@pytest.mark.parametrize("tool", ["pyinfra", "mitogen"])
def test_locks_pin_by_hash_and_name_no_registry(tool: str) -> None:
    text = (HERE / f"{tool}.lock").read_text()
    assert "://" not in text
    assert not re.search(r"(?m)^-", text)
    pins = re.findall(r"(?m)^\S+==\S+.*\\\n\s+--hash=sha256:", text)
    assert len(pins) == len(re.findall(r"(?m)^\S", text))
