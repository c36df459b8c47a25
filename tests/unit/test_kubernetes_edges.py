"""Where a cluster is reached at all: a kubeconfig that can't be read, a connection that stalls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
import websocket

from cluster_edge import Edge
from opsctl.errors import Exit, OpsError
from opsctl.targets.kubernetes import channels, session
from opsctl.targets.kubernetes.asking import Session, _held
from opsctl.targets.kubernetes.connection import Connection
from opsctl.targets.kubernetes.programs import Run
from opsctl.targets.kubernetes.refusals import refusal

CLUSTER = "clusters: [{name: c, cluster: {server: 'https://c'}}]\n"


@pytest.mark.parametrize(
    "text",
    [
        "clusters: [{name: c\n",
        "just words\n",
        "- a list\n",
        "",
        "\x00\x01",
        "\ttabs: [\n",
        CLUSTER + "contexts: none\ncurrent-context: c\n",
        CLUSTER + "contexts: [{name: c, context: c}]\ncurrent-context: c\n",
        "clusters: [{name: c, cluster: {server: 'https://c', certificate-authority-data: 'a'}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\ncurrent-context: c\n"
        "users: [{name: u, user: {token: t}}]\n",
    ],
)
@pytest.mark.parametrize("context", [None, "prod"])
def test_a_kubeconfig_that_is_none_is_an_error_of_the_input(
    text: str, context: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    with pytest.raises(OpsError) as unusable:
        _ = Connection(context, file).host
    assert unusable.value.exit is Exit.INPUT
    assert unusable.value.code in ("kubernetes/credentials", "kubernetes/no-context")


class Stalled:
    """A websocket that nobody reads from at the other end."""

    def send_binary(self, data: bytes) -> None:
        raise websocket.WebSocketTimeoutException("timed out")

    def close(self, timeout: float) -> None:
        """Closed as any."""


def test_a_pod_that_reads_nothing_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "opened", lambda *_: cast("Any", Stalled()))
    with pytest.raises(OpsError, match="timed out") as away:
        Edge(lambda _: (200, {})).api().exec("db-0-0", "redis", ("sh",), "x" * 100_000)
    assert away.value.code == "kubernetes/unreachable"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('pods "db-0-0" is forbidden: nobody may exec', "kubernetes/not-admitted"),
        ("Forbidden (user=apiserver, verb=create, resource=nodes)", "kubernetes/forbidden"),
    ],
)
def test_who_lets_nobody_into_pods_is_told_of_and_no_member_called_away_for_it(
    message: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = json.dumps({"kind": "Status", "reason": "Forbidden", "message": message})

    def opened(*_: object) -> Any:
        raise refusal(403, said.encode(), "prod/shop: pods db-0-0")

    monkeypatch.setattr(channels, "opened", opened)
    asked = Session("db-0-0", "redis", (0,), (Run(("true",), (), 1.0),))
    with pytest.raises(OpsError) as told:
        _held(Edge(lambda _: (200, {})).api(), [asked])
    assert told.value.code == code


def test_a_session_that_is_refused_tells_what_to_do_next(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(CLUSTER + "contexts: [{name: c, context: {cluster: c}}]\n")
    words = ("--context", "prod", "--kubeconfig", str(file), "-n", "shop", "log", "db-0-0", "redis")
    assert session.main(words) == session.UNREACHED
    said = capsys.readouterr().err
    assert said.startswith("error[kubernetes/no-context] ")
    assert said.endswith('kubeconfig has no context "prod"\n  hint: it has c\n')


def test_contexts_are_named_though_none_is_the_current_one(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(CLUSTER + "contexts: [{name: c, context: {cluster: c}}]\n")
    with pytest.raises(OpsError) as unknown:
        _ = Connection("prod", file).host
    assert unknown.value.code == "kubernetes/no-context"
    assert (unknown.value.where, unknown.value.hint) == (str(file), "it has c")


def test_within_a_cluster_its_own_stands_for_no_other_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def own(client_configuration: Any) -> None:
        client_configuration.host = "https://own"

    monkeypatch.setattr("kubernetes.config.load_incluster_config", own)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "forgotten"))
    assert Connection().host == "https://own"
    with pytest.raises(OpsError) as missing:
        _ = Connection("prod").host
    assert (missing.value.code, missing.value.where) == ("kubernetes/no-kubeconfig", "context prod")
