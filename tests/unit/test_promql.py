"""Which metrics and labels an expression names."""

from __future__ import annotations

import pytest

from opsctl.monitoring.promql import Use, uses


@pytest.mark.parametrize(
    ("expr", "metrics"),
    [
        ("up", [Use("up")]),
        ("up == 0", [Use("up")]),
        ('up{job="x", host!~"a|b"} offset 5m', [Use("up", frozenset(("job", "host")))]),
        ("rate(a_total[5m]) / (b > 0)", [Use("a_total"), Use("b")]),
        ("sum by (host) (a) and on (host) b", [Use("a"), Use("b")]),
        ("sum(a) by (host)", [Use("a")]),
        ("a * on (x) group_left (role) b{role='m'}", [Use("a"), Use("b", frozenset(("role",)))]),
        ('count_values by (x) ("c", a:b:c)', [Use("a:b:c")]),
        ("vector(1)", []),
        ("a > bool 1e3 or -Inf < NaN", [Use("a")]),
        ("absent(a{x=`}`}) unless b # and c", [Use("a", frozenset("x")), Use("b")]),
        ("avg_over_time(a:b{x='[y]'}[30d:1h])", [Use("a:b", frozenset("x"))]),
        ("predict_linear(a[6h], 86400) < 0x10", [Use("a")]),
    ],
)
def test_metrics_are_found_with_the_labels_they_are_selected_by(
    expr: str, metrics: list[Use]
) -> None:
    assert list(uses(expr).metrics) == metrics


def test_labels_that_are_grouped_or_joined_by_are_found() -> None:
    found = uses("sum by (host, job) (a) * on (host) group_left (role) max without (cpu) (b)")
    assert found.grouped == {"host", "job", "role", "cpu"}
