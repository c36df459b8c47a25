"""`opsctl runbook run`: reads by itself, acts only when somebody agreed, and notes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_world import World, make_world

from opsctl import data
from opsctl.errors import Exit

PAGE = """\
# Toy

## Meaning

It is a toy. Nothing more.

## Diagnose

Look.

```sh
opsctl status
opsctl logs {{ service }}/{{ member }}
```

## Act

Do.

```sh
opsctl switchover {{ service }} --to demo-1
```

## Verify

Look again.

```sh
opsctl lock show
```
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(data, "runbooks", lambda: ("Toy",))
    monkeypatch.setattr(data, "runbook_page", lambda name: PAGE)
    return make_world(tmp_path, monkeypatch)


def notes(world: World) -> list[str]:
    return [one.words for one in world.target.records if one.kind == "note"]


def test_a_runbook_is_shown_with_its_labels(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("runbook", "show", "Toy", "--label", "service=demo") == Exit.DONE
    shown = capsys.readouterr().out
    assert "opsctl switchover demo --to demo-1" in shown
    assert "opsctl logs demo/{{ member }}" in shown


def test_its_parts_are_data_for_programs(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.call("runbook", "show", "Toy", "-o", "json") == Exit.DONE
    sections = json.loads(capsys.readouterr().out)["sections"]
    act = next(one for one in sections if one["title"] == "Act")
    assert act["commands"][0]["reads"] is False
    assert act["commands"][0]["missing"] == ["service"]


def test_a_name_that_is_not_known_gets_the_nearest(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("runbook", "show", "Toyy") == Exit.INPUT
    assert 'did you mean "Toy"' in capsys.readouterr().err


def test_without_a_terminal_what_reads_is_run_and_what_acts_is_left_out(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("runbook", "run", "Toy", "--label", "service=demo") == Exit.REFUSED
    said = capsys.readouterr().err
    assert "$ opsctl status" in said
    assert "left out, for want of --label member=" in said
    assert "left out, for nobody can be asked" in said
    assert "$ opsctl lock show" in said
    assert notes(world) == ["runbook Toy: 2 read; nothing done"]


def test_with_yes_what_acts_is_run_and_noted_with_its_end(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.call("apply", "--yes")
    world.call("runbook", "run", "Toy", "--label", "service=demo", "--yes")
    assert "$ opsctl switchover demo --to demo-1" in capsys.readouterr().err
    (words,) = notes(world)
    assert words.startswith("runbook Toy: 2 read; opsctl switchover demo --to demo-1 (")


def test_the_list_names_labels_as_other_words_to_fill_in(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "runbook_page", lambda _: PAGE.replace("It is", "{{ member }} is"))
    assert world.call("runbook", "list") == Exit.DONE
    assert "MEMBER is a toy\n" in capsys.readouterr().out
