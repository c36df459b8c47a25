"""YAML: read as 1.2 has it, with places, bounded, never a traceback."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.errors import OpsErrors, Place, SpecError
from opsctl.model.tree import Leaf, find, plain
from opsctl.model.yaml_text import parse


def refusal(text: str) -> SpecError:
    with pytest.raises(OpsErrors) as caught:
        parse(text, "spec.yaml")
    error = caught.value.errors[0]
    assert isinstance(error, SpecError)
    return error


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("off", "off"),
        ("yes", "yes"),
        ("true", True),
        ("~", None),
        ("", None),
        ("12", 12),
        ("007", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", ".inf"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ('"12"', "12"),
        ("'true'", "true"),
        ("9" * 5000, "9" * 5000),
        ("1e999", "1e999"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(written: str, value: object) -> None:
    tree = parse(f"a: {written}\n", "spec.yaml")
    assert plain(tree) == {"a": value}


def test_keys_are_texts_even_where_they_look_like_something_else() -> None:
    assert plain(parse("on: 1\n2: x\ntrue: y\n", "spec.yaml")) == {"on": 1, "2": "x", "true": "y"}


def test_a_place_underlines_the_value_and_its_key() -> None:
    entry = find(parse("a:\n  - {b: one}\n  - {b: 'two'}\n", "spec.yaml"), ("a", 1, "b"))
    assert entry is not None
    assert entry.place == Place("spec.yaml", 3, 6, 1, "  - {b: 'two'}")
    assert entry.node.place == Place("spec.yaml", 3, 9, 5, "  - {b: 'two'}")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(line_end: str) -> None:
    entry = find(parse(line_end.join(["# x", "a: 1", "b: 2"]), "spec.yaml"), ("b",))
    assert entry is not None
    assert entry.node == Leaf(2, Place("spec.yaml", 3, 4, 1, "b: 2"))


def test_an_alias_repeats_what_its_anchor_marks() -> None:
    tree = parse("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n", "spec.yaml")
    assert plain(tree) == {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}


def test_a_key_of_its_own_wins_over_one_that_is_merged_in() -> None:
    tree = parse("a: &x {b: 1}\nd: {b: 2, <<: [*x]}\n", "spec.yaml")
    assert find(tree, ("d", "b")) is not None
    assert plain(tree) == {"a": {"b": 1}, "d": {"b": 2}}


def test_every_duplicate_key_is_reported_at_its_second_place() -> None:
    with pytest.raises(OpsErrors) as caught:
        parse("a: 1\nb: {c: 1, c: 2}\na: 3\n", "spec.yaml")
    assert [(error.code, str(error.where)) for error in caught.value.errors] == [
        ("spec/duplicate-key", "spec.yaml:2:11"),
        ("spec/duplicate-key", "spec.yaml:3:1"),
    ]
    assert caught.value.errors[1].hint == "the first is on line 1; keep one"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [1, 2", "spec/syntax"),
        ("a: b: c", "spec/syntax"),
        ("a:\n\t- b", "spec/syntax"),
        ("a: !!python/object x", "spec/syntax"),
        ("a: !!str 3", "spec/syntax"),
        ("a: 1\n---\nb: 2\n", "spec/syntax"),
        ("? [a]\n: b", "spec/syntax"),
        ("? \n: b", "spec/syntax"),
        ("a: *x", "spec/syntax"),
        ("a: \x01", "spec/syntax"),
        ('a: "\\UFFFFFFFF"', "spec/syntax"),
        ('a: "\\uD800"', "spec/syntax"),
        ('"\\0": 1', "spec/syntax"),
        ("<<: 1", "spec/syntax"),
        ("a: &x [*x]", "spec/bomb"),
        ("a: " + "[" * 60 + "]" * 60, "spec/bomb"),
        ("a: [" + "1," * 20_000 + "]", "spec/bomb"),
    ],
)
def test_what_is_no_spec_is_refused(text: str, code: str) -> None:
    error = refusal(text)
    assert error.code == code
    assert error.where


def test_a_bomb_of_aliases_is_refused_before_it_expands() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert refusal("\n".join(lines)).code == "spec/bomb"


def test_tabs_are_named_as_the_cause() -> None:
    assert refusal("a:\n\t- b").hint == "indent with spaces, not tabs"


@given(
    st.text(max_size=60)
    | st.text(alphabet="ab:-[]{},&*<>!|?'\"#% \n\t\\~@`", max_size=40)
    | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1"))
)
def test_no_text_ends_in_a_traceback(text: str) -> None:
    with contextlib.suppress(OpsErrors):
        parse(text, "spec.yaml")
