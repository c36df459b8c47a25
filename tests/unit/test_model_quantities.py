"""Quantities: parsed with their unit, refused without, written back in one way."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_model_demo import LAB, loaded, mistake, spanned

from opsctl.model import Bytes, Duration, Quantity

WHOLE = st.integers(min_value=0, max_value=2**63 - 1)


@given(WHOLE)
def test_every_size_reads_back_as_it_is_written(count: int) -> None:
    assert Bytes.parse(str(Bytes(count))) == Bytes(count)


@given(WHOLE)
def test_every_duration_reads_back_as_it_is_written(count: int) -> None:
    assert Duration.parse(str(Duration(count))) == Duration(count)


@given(st.text(max_size=20))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(ValueError):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("kind", "text", "count", "written"),
    [
        (Bytes, "256MiB", 256 * 1024**2, "256MiB"),
        (Bytes, "1GB", 10**9, "1GB"),
        (Bytes, "1024KiB", 1024**2, "1MiB"),
        (Bytes, "1.5GiB", 1536 * 1024**2, "1536MiB"),
        (Bytes, "0B", 0, "0B"),
        (Duration, "90s", 90_000, "90s"),
        (Duration, "120s", 120_000, "2m"),
        (Duration, "1h30m", 5_400_000, "90m"),
        (Duration, "15d", 15 * 86_400_000, "15d"),
        (Duration, "0.5s", 500, "500ms"),
    ],
)
def test_a_quantity_is_counted_and_written_in_its_largest_whole_unit(
    kind: type[Quantity], text: str, count: int, written: str
) -> None:
    quantity = kind.parse(text)
    assert (quantity.count, str(quantity)) == (count, written)


@pytest.mark.parametrize(
    "text", ["", "5", "MiB", "5 apples", "-5s", "5s and more", "0.3B", "99999999999999TiB"]
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    for kind in (Bytes, Duration):
        with pytest.raises(ValueError):
            kind.parse(text)


def test_a_larger_quantity_is_larger_whatever_its_unit() -> None:
    assert Bytes.parse("1GiB") > Bytes.parse("1GB") > Bytes.parse("999MB")


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("256", "did you mean 256MiB?"),
        ('"256"', "did you mean 256MiB?"),
        ("256M", "did you mean 256MiB?"),
        ("256mib", "did you mean 256MiB?"),
        ("1gb", "did you mean 1GB?"),
        ("lots", "such as 256MiB"),
    ],
)
def test_a_size_without_its_unit_is_refused_with_a_guess(
    tmp_path: Path, written: str, hint: str
) -> None:
    text = LAB + f"services: {{web: {{engine: demo, on: dc, memory: {written}}}}}\n"
    error = mistake(tmp_path, text)
    assert (error.code, error.hint) == ("spec/unit", hint)
    assert spanned(error.where) == written


@pytest.mark.parametrize(("written", "hint"), [("5", "5s"), ("5sec", "5s"), ("2min", "2m")])
def test_a_duration_without_its_unit_is_refused_with_a_guess(
    tmp_path: Path, written: str, hint: str
) -> None:
    text = LAB + f"services: {{web: {{engine: demo, on: dc, slo: {{rto: {written}}}}}}}\n"
    error = mistake(tmp_path, text)
    assert (error.code, error.hint) == ("spec/unit", f"did you mean {hint}?")


@pytest.mark.parametrize(
    ("written", "hint"), [("14", "14d"), ('"14"', "14d"), ("14day", "14d"), ("2mo", "2m")]
)
def test_how_long_something_is_kept_is_guessed_in_days(
    tmp_path: Path, written: str, hint: str
) -> None:
    backup = f'{{schedule: "0 3 * * *", keep: {written}}}'
    text = LAB + f"services: {{web: {{engine: demo, on: dc, backup: {backup}}}}}\n"
    error = mistake(tmp_path, text)
    assert (error.code, error.hint) == ("spec/unit", f"did you mean {hint}?")
    assert spanned(error.where) == written


@pytest.mark.parametrize("written", ["true", "[1]", "{a: 1}"])
def test_what_can_not_be_a_quantity_is_of_the_wrong_type(tmp_path: Path, written: str) -> None:
    text = LAB + f"services: {{web: {{engine: demo, on: dc, memory: {written}}}}}\n"
    assert mistake(tmp_path, text).code == "spec/wrong-type"


def test_nothing_needs_no_unit(tmp_path: Path) -> None:
    text = LAB + "services: {web: {engine: demo, on: dc, slo: {rpo: 0}}}\n"
    slo = loaded(tmp_path, text).services["web"].slo
    assert slo is not None
    assert slo.rpo == Duration(0)
