"""What the API server's answers mean."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster_edge import Edge, Reply
from opsctl.errors import Exit, OpsError
from opsctl.targets.kubernetes import api

POD = "/api/v1/namespaces/shop/pods/db-0"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAUSE", 0.0)


def in_turn(*replies: Reply) -> Edge:
    left: Iterator[Reply] = iter(replies)
    return Edge(lambda _request: next(left))


@pytest.mark.parametrize(
    "other", [(302, b""), (200, b"<html>Log in, please</html>"), (200, b""), (200, b"[]")]
)
def test_a_page_in_the_servers_place_is_told_as_such(other: Reply) -> None:
    with pytest.raises(OpsError, match="something else answered") as refusal:
        in_turn(other).api().get(POD)
    assert (refusal.value.code, refusal.value.exit) == ("kubernetes/unreachable", Exit.UNOBSERVED)
    assert "kubectl" in refusal.value.hint
