"""What the API server's answers mean: which pass by themselves, and which are not its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster_edge import Edge, Reply, refused
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
    "passing",
    [
        refused(500, "etcdserver: leader changed"),
        refused(500, "etcdserver: request timed out, possibly due to previous leader failure"),
        refused(500, "The server cannot complete the requested operation", "ServerTimeout"),
        refused(503, "apiserver is shutting down", "ServiceUnavailable"),
        refused(429, "too many requests, please try again later", "TooManyRequests"),
    ],
)
def test_what_passes_by_itself_is_waited_for_in_the_middle_of_work(passing: Reply) -> None:
    edge = in_turn(passing, passing, (200, {"metadata": {"name": "db-0"}}))
    assert edge.api().patient(30).get(POD) == {"metadata": {"name": "db-0"}}
    with pytest.raises(OpsError) as away:
        in_turn(passing).api().get(POD)
    assert (away.value.code, away.value.exit) == ("kubernetes/unreachable", Exit.UNOBSERVED)


def test_a_mistake_of_the_server_does_not_pass() -> None:
    edge = in_turn(refused(500, "etcdserver: mvcc: database space exceeded"))
    with pytest.raises(OpsError, match="database space exceeded") as failed:
        edge.api().patient(30).get(POD)
    assert failed.value.code == "kubernetes/refused"


@pytest.mark.parametrize(
    "other", [(302, b""), (200, b"<html>Log in, please</html>"), (200, b""), (200, b"[]")]
)
def test_a_page_in_the_servers_place_is_told_as_such(other: Reply) -> None:
    with pytest.raises(OpsError, match="something else answered") as refusal:
        in_turn(other).api().get(POD)
    assert (refusal.value.code, refusal.value.exit) == ("kubernetes/unreachable", Exit.UNOBSERVED)
    assert "kubectl" in refusal.value.hint


def test_what_somebody_before_the_server_forbids_is_no_word_of_its_admission() -> None:
    with pytest.raises(OpsError) as refusal:
        in_turn((403, b"<html>Forbidden by policy</html>")).api().get(POD)
    assert refusal.value.code == "kubernetes/forbidden"
    assert "admission" not in refusal.value.message
