"""What the shell completes, and the page about the commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import World, make_world

from opsctl.cli.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


@pytest.fixture(name="world")
def a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("opsctl swi", ["switchover"]),
        ("opsctl plan --exp", ["--explain"]),
        ("opsctl switchover d", ["demo"]),
        ("opsctl logs demo/", ["demo/demo-0", "demo/demo-1", "demo/demo-2"]),
        ("opsctl restart -f missing.yaml d", []),
    ],
)
def test_commands_options_services_and_members_are_completed(
    words: str,
    found: list[str],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("_OPSCTL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    with pytest.raises(SystemExit):
        world.call()
    assert capsys.readouterr().out.split() == found


def test_the_page_about_the_commands_is_the_one_that_is_made_from_them() -> None:
    assert PAGE.read_text() == reference(), "python -m opsctl.cli.reference > docs/commands.md"
