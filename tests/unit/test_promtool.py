"""What promtool 2.42 says, by file."""

from __future__ import annotations

from opsctl.clients.promtool import by_file

TESTED = """\
Unit Testing:  A.yaml
  SUCCESS

Unit Testing:  B.yaml


   FAILED:
    expr: "count", time: 5m,
        exp: nil
        got: {} 1E+00
"""
CHECKED = """\
Checking a.yaml
  SUCCESS: 3 rules found

Checking b.yaml
  FAILED:
b.yaml: 5:15: group "g", rule 1, "X": could not parse expression: 1:5: parse error
"""


def test_a_case_that_failed_is_told_by_its_file() -> None:
    ((name, words),) = by_file(TESTED).items()
    assert name == "B.yaml"
    assert "exp: nil" in words


def test_a_file_that_is_refused_is_told_with_its_reason() -> None:
    ((name, words),) = by_file(CHECKED).items()
    assert name == "b.yaml"
    assert "parse error" in words
