"""The entry point: cheap, quiet, and never a traceback."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli_world import World, make_world, wire

from opsctl import __version__
from opsctl.cli import bugs
from opsctl.cli.group import COMMANDS, load
from opsctl.cli.main import main, whole
from opsctl.errors import Exit

CALL = [sys.executable, "-c", "import sys; from opsctl.cli.main import main; sys.exit(main())"]
HEAVY = ("rich", "pydantic", "ruamel", "jinja2", "kubernetes", "ansible_runner", "cryptography")


@pytest.fixture(name="world")
def a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom opsctl.cli.main import main\nmain(['--help'])\n"
        f"sys.stderr.write(' '.join(n for n in {HEAVY!r} if n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "switchover" in done.stdout


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_of_the_table_is_there_and_explains_itself(name: str) -> None:
    found = load(name)
    assert found.name == name
    assert found.help


def test_a_misspelt_command_is_told_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["aply"]) == Exit.INPUT
    assert capsys.readouterr().err == (
        'error[cli/unknown-command]\n  there is no command "aply"\n  hint: did you mean "apply"?\n'
    )


def test_a_wrong_option_is_an_error_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--wrong"]) == Exit.INPUT
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error[cli/usage] opsctl version\n")


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == Exit.INPUT
    assert "Usage: opsctl" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("-o", "json", "version"), ("version", "-o", "json")])
def test_options_may_stand_before_or_behind_the_command(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == Exit.DONE
    assert "opsctl" in json.loads(capsys.readouterr().out)


def test_the_version_is_told_as_by_most_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == Exit.DONE
    assert capsys.readouterr().out.startswith(f"opsctl {__version__}\n")


def test_variables_stand_for_options_and_the_command_line_wins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPSCTL_OUTPUT", "json")
    main(["version"])
    assert capsys.readouterr().out.startswith("{")
    main(["version", "-o", "yaml"])
    assert capsys.readouterr().out.startswith("opsctl: ")


def test_only_the_documented_variables_are_read() -> None:
    names = {option.envvar for option in whole().params if option.envvar}
    assert names == {
        f"OPSCTL_{name}" for name in ["FILE", "SET", "STRICT", "LIMIT", "OUTPUT", "NO_COLOR"]
    }


def test_a_mistake_of_opsctl_is_kept_in_a_file_of_the_user_alone(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter22")

    wire(
        monkeypatch, parts=broken, masker=lambda: lambda text: text.replace("hunter22", "‹secret›")
    )
    assert world.call("plan") == Exit.FAILED
    err = capsys.readouterr().err
    assert err.startswith("error[opsctl/bug]")
    assert "Traceback" not in err
    assert "report" in err
    assert "hunter22" not in err
    (file,) = (bugs.state_folder() / "bugs").iterdir()
    assert str(file) in err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert "RuntimeError: the password is ‹secret›" in text
    assert "hunter22" not in text


def test_debugging_shows_the_traceback(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPSCTL_DEBUG", "1")
    wire(monkeypatch, parts=lambda *_, **__: 1 / 0)
    assert world.call("plan") == Exit.FAILED
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_bug_is_shown_also_where_no_file_can_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    assert bugs.report(ValueError("x")).where in (None, "")


def test_ctrl_c_of_a_command_that_only_reads_ends_with_130(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    wire(monkeypatch, parts=interrupted)
    assert world.call("plan") == Exit.INTERRUPTED
    assert "interrupted" in capsys.readouterr().err


def test_a_reader_that_goes_away_makes_no_noise() -> None:
    command = f"{sys.executable} -c 'from opsctl.cli.main import main; main([\"version\"])' | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""
