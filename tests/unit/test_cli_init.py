"""A spec to begin with: it holds, and it never takes another's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.cli.init import name_from, start
from opsctl.cli.main import main
from opsctl.errors import Exit
from opsctl.model import lint, load


@pytest.mark.parametrize("example", ["minimal", "production"])
def test_init_writes_a_spec_that_validates(
    example: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--example", example, "--name", "shop"]) == Exit.DONE
    assert "next: opsctl validate" in capsys.readouterr().out
    assert main(["validate"]) == Exit.DONE
    assert capsys.readouterr().out.startswith("shop: valid")


def test_a_file_that_is_there_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    assert main(["init", str(file)]) == Exit.REFUSED
    assert file.read_text() == "mine"
    assert "error[init/exists]" in capsys.readouterr().err


def test_another_file_is_named_in_the_next_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "it.yaml"
    main(["init", str(file)])
    assert f"opsctl validate -f {file}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("folder", "name"), [("Shop EU_1", "shop-eu-1"), ("...", "shop"), ("a" * 60, "a" * 40)]
)
def test_the_environment_is_named_after_the_folder(folder: str, name: str) -> None:
    assert name_from(Path("/") / folder / "opsctl.yaml") == name


def test_the_examples_carry_comments() -> None:
    for example in ("minimal", "production"):
        assert start(example, "shop").count("#") >= 5


def test_the_example_for_production_leaves_little_to_say(tmp_path: Path) -> None:
    from opsctl.discovery import engines

    options = {name: engine.options for name, engine in engines().items()}
    file = tmp_path / "opsctl.yaml"
    file.write_text(start("production", "shop"))
    findings = {finding.code for finding in lint(load([file], engines=options))}
    assert findings <= {"lint/no-backup"}
