"""The doors into pods where nothing runs: a bare API server, which knows pods that no node has."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from api_server import ApiServer

from opsctl.errors import OpsError
from opsctl.model import Kubernetes
from opsctl.ports import Asked, Certified, Fence, NodeJob
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.connection import Connection
from opsctl.targets.kubernetes.reaching import Reach
from opsctl.targets.kubernetes.site import Site
from opsctl.workload import CertRef, Query, Seat, SecretRef, Text

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]
Kubernetes.model_rebuild()


class NoSecrets:
    key = None

    def value(self, ref: SecretRef) -> str | None:
        return None

    def certificate(self, ref: CertRef) -> str | None:
        return None

    def certified(self, pem: str) -> Certified | None:
        return None


def seat(member: str) -> Seat:
    return Seat(member, "servers", "", "", "image")


def asked(member: str) -> Asked:
    return Asked(seat(member), "server", Query(("true",), lambda one: one))


def pod(member: str, state: dict[str, Any]) -> dict[str, Any]:
    labels = {"opsctl.dev/environment": "shop", "opsctl.dev/member": member}
    container = {"name": "server", "image": "redis:8.0"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{member}-0", "labels": labels},
        "spec": {"nodeName": "gone", "containers": [container]},
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {**container, "imageID": "", "ready": True, "restartCount": 0, "state": state}
            ],
        },
    }


Made = Callable[[str], Reach]


@pytest.fixture
def reach(api_server: ApiServer, namespace: str) -> Made:
    """By user. db-0's node is no more, though its pod is said to run; db-1 waits."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "gone"}}
    running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    waiting = {"waiting": {"reason": "ErrImagePull"}}
    api_server.kubectl("apply", "-f", "-", text=json.dumps(node))
    for member, state in (("db-0", running), ("db-1", waiting)):
        text = json.dumps(pod(member, state))
        for more in ((), ("--subresource=status",)):
            api_server.kubectl(
                "apply", "--server-side", "-n", namespace, *more, "-f", "-", text=text
            )

    def made(user: str) -> Reach:
        api = Api(Connection(None, api_server.kubeconfig_of(user, namespace)), "prod", namespace)
        site = Site("prod", "shop", namespace, Kubernetes())
        return Reach(api, site, NoSecrets(), lambda _: None)

    return made


def test_a_member_whose_node_is_gone_is_absent(reach: Made) -> None:
    assert reach("admin").ask([asked("db-0"), asked("db-1"), asked("db-2")]) == {}


def test_a_node_that_is_not_ready_can_not_be_reached(reach: Made) -> None:
    jobs = [NodeJob(seat(member), "", Text(("true",))) for member in ("db-0", "db-2")]
    assert reach("admin").on_nodes(jobs, Fence(1, "test")) == (None, None)


def test_its_clock_and_its_log_are_not_known(reach: Made) -> None:
    admin = reach("admin")
    assert admin.clocks() == {}
    assert admin.log_lines([(seat("db-0"), "server"), (seat("db-2"), "server")], 0) == (None, None)


def test_a_tunnel_is_refused_at_once(reach: Made) -> None:
    with pytest.raises(OpsError), reach("admin").tunnel(seat("db-0"), 1):
        raise AssertionError


def test_a_log_of_what_has_not_started_says_why(reach: Made) -> None:
    call = reach("admin").logs(seat("db-1"), "server", 5, follow=False)
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "db-1-0: server has not started yet: ErrImagePull\n"


def test_who_may_not_is_told_so_and_nobody_is_called_absent(reach: Made) -> None:
    with pytest.raises(OpsError) as refused:
        reach("plain").ask([asked("db-0")])
    assert refused.value.code == "kubernetes/forbidden"


def test_who_may_look_and_not_run_programs_is_told_so(
    api_server: ApiServer, namespace: str, reach: Made
) -> None:
    api_server.kubectl(
        "create", "role", "look", "-n", namespace, "--verb=get,list", "--resource=pods"
    )
    api_server.kubectl(
        "create", "rolebinding", "look", "-n", namespace, "--role=look", "--user=plain"
    )
    with pytest.raises(OpsError, match=r"plain may not (get|create) pods/exec") as refused:
        reach("plain").ask([asked("db-0")])
    assert 'resources: ["pods/exec"]' in refused.value.hint
