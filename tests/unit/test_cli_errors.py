"""The look of an error: the same everywhere, for people and for programs."""

from __future__ import annotations

from opsctl.cli.views.errors import error_lines, errors_data, warning_lines
from opsctl.errors import Exit, OpsError, OpsErrors, Place, SpecError

LINE = "  sessions: {engine: redis, on: dc, replica: 3}"
MISTAKE = SpecError(
    "spec/unknown-key",
    'a redis service has no key "replica"',
    where=Place("shop.yaml", 7, 37, 7, LINE),
    hint='did you mean "replicas"?',
)


def shown(error: OpsError) -> list[str]:
    return [text.plain for text in error_lines(error)]


def test_an_error_looks_as_the_spec_of_the_commands_says() -> None:
    assert shown(MISTAKE) == [
        "error[spec/unknown-key] shop.yaml:7:37",
        "  sessions: {engine: redis, on: dc, replica: 3}",
        '                                    ^^^^^^^ a redis service has no key "replica"',
        '  hint: did you mean "replicas"?',
    ]


def test_a_line_of_any_depth_stands_two_columns_in_with_its_caret_below() -> None:
    lines = shown(OpsError("a/b", "no", where=Place("f", 1, 1, 3, "abc: 1")))
    assert lines[1:] == ["  abc: 1", "  ^^^ no"] or lines[1:] == ["abc: 1", "^^^ no"]


def test_wide_characters_and_tabs_do_not_move_the_caret() -> None:
    text = "\t名前: {wrong: 1}"
    column = text.index("wrong") + 1
    lines = shown(OpsError("a/b", "no", where=Place("f", 1, column, 5, text)))
    below = lines[2].index("^")
    before = lines[1][: lines[1].index("wrong")]
    assert below == sum(2 if letter in "名前" else 1 for letter in before)


def test_of_a_long_line_only_the_part_around_the_mistake_is_shown() -> None:
    text = "{" + "abcdefgh: 1, " * 200 + "wrong: 2}"
    lines = shown(OpsError("a/b", "no", where=Place("f", 1, text.index("wrong") + 1, 5, text)))
    assert len(lines[1]) < 120
    at = lines[2].index("^")
    assert lines[1][at : at + 5] == "wrong"


def test_a_span_that_ends_behind_its_line_is_cut_there() -> None:
    lines = shown(OpsError("a/b", "no", where=Place("f", 1, 3, 900, "a: b")))
    assert lines[2].count("^") <= 2


def test_an_error_of_a_host_has_its_message_details_and_hint_below() -> None:
    error = OpsError("ssh/refused", "no", where="host n1", details=("x", "y"), hint="do that")
    assert shown(error) == [
        "error[ssh/refused] host n1",
        "  no",
        "    x",
        "    y",
        "  hint: do that",
    ]


def test_several_errors_stand_apart() -> None:
    lines = shown(OpsErrors((MISTAKE, OpsError("a/b", "second"))))
    assert lines[4:] == ["", "error[a/b]", "  second"]


def test_advice_has_the_same_look() -> None:
    assert next(iter(warning_lines(MISTAKE))).plain == "warning[spec/unknown-key] shop.yaml:7:37"


def test_programs_get_every_error_and_the_exit_code() -> None:
    data = errors_data(OpsErrors((MISTAKE, OpsError("a/b", "second"))))
    assert data["exit"] == Exit.INPUT
    assert [error["code"] for error in data["errors"]] == ["spec/unknown-key", "a/b"]
    assert data["errors"][0]["where"] == {
        "file": "shop.yaml",
        "line": 7,
        "column": 37,
        "length": 7,
    }
