"""What tests of the Kubernetes target share: a bare API server, and a cluster."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest
from api_server import ApiServer, running

from opsctl.lab.kubernetes import Cluster, up


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A Kubernetes API without nodes or controllers."""
    with running(tmp_path_factory.mktemp("api-server")) as server:
        yield server


@pytest.fixture
def namespace(api_server: ApiServer) -> str:
    """A namespace of this test's own on the bare API server. Nothing can delete it there."""
    name = f"test-{secrets.token_hex(4)}"
    api_server.kubectl("create", "namespace", name)
    return name


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Four nodes: n1 has the control plane, n2 to n4 take pods, each in a zone of its own.

    OPSCTL_KEEP_CLUSTER=1 leaves it for the next run, which is then ready in seconds.
    """
    found = up(os.environ.get("OPSCTL_CLUSTER", "k8s-test"), progress=print)
    yield found
    if os.environ.get("OPSCTL_KEEP_CLUSTER") != "1":
        found.down()


@pytest.fixture
def room(cluster: Cluster) -> Iterator[str]:
    """A namespace of this test's own in the cluster, under Pod Security `restricted`."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    enforce = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", name, enforce)
    yield name
    cluster.kubectl("delete", "namespace", name, timeout=180)
