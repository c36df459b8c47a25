"""Where a cluster is reached at all: a kubeconfig that can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from opsctl.errors import Exit, OpsError
from opsctl.targets.kubernetes.connection import Connection

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
