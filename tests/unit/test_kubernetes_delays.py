"""Why a pod does not run, told from what the cluster says of it."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.targets.kubernetes.checking import Facts
from opsctl.targets.kubernetes.comparing import differences, spoken, touched
from opsctl.targets.kubernetes.delays import delay
from opsctl.targets.kubernetes.quantities import same_quantity
from opsctl.targets.kubernetes.refusals import refusal


def pod(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "sessions-0-0"},
        "spec": {"containers": [{"name": "redis"}]},
        "status": {"phase": "Pending", **status},
    }


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [{"name": "redis", "state": state, **more}]}


def test_a_pod_whose_containers_run_is_not_delayed() -> None:
    running = {"name": "redis", "state": {"running": {"startedAt": "now"}}}
    assert delay(pod(phase="Running", containerStatuses=[running])) is None


def test_no_node_takes_it() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    found = delay(pod(conditions=[condition]))
    assert found is not None
    assert found.words == "no node takes it: 0/3 nodes are available"


def test_an_image_that_can_not_be_fetched_is_waited_for_a_little() -> None:
    found = delay(pod(**waiting("ImagePullBackOff", "not found")))
    assert found is not None
    assert found.words == "redis: ImagePullBackOff: not found"
    assert 0 < found.patience < 60


def test_a_crash_is_told_at_once_with_its_container() -> None:
    last = {"terminated": {"exitCode": 3, "reason": "Error"}}
    found = delay(pod(**waiting("CrashLoopBackOff", lastState=last)))
    assert found is not None
    assert (found.words, found.patience, found.container) == (
        "redis ends again and again: exit 3, Error", 0.0, "redis",
    )  # fmt: skip


def test_what_its_controller_was_refused_is_the_reason() -> None:
    found = delay(None, ["exceeded quota: small"])
    assert found is not None
    assert found.words == "exceeded quota: small"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("1Gi", "1024Mi", True), ("100m", "0.1", True), ("1", 1, True), ("1G", "1Gi", False)],
)
def test_amounts_are_compared_as_amounts(one: str, other: object, same: bool) -> None:
    assert same_quantity(one, other, ("resources", "requests", "memory")) is same
    assert not same_quantity(one, other, ("data", "key"))


def test_defaults_of_the_server_are_no_difference_and_a_field_of_others_is_theirs() -> None:
    desired = {"spec": {"ports": [{"name": "redis", "port": 6379}], "selector": {"a": "b"}}}
    live = {
        "spec": {
            "ports": [{"name": "redis", "port": 6379, "protocol": "TCP", "targetPort": 6379}],
            "selector": {"a": "b"},
            "sessionAffinity": "ClientIP",
        }
    }
    assert differences(desired, live) == ()


def test_who_changed_a_field_of_a_container_is_found() -> None:
    def container(image: str) -> dict[str, Any]:
        return {"spec": {"containers": [{"name": "redis", "image": image}]}}

    live = container("other") | {
        "metadata": {
            "managedFields": [
                {
                    "manager": "kubectl-edit",
                    "operation": "Update",
                    "time": "2026-01-01T00:00:00Z",
                    "fieldsV1": {
                        "f:spec": {"f:containers": {'k:{"name":"redis"}': {"f:image": {}}}}
                    },
                }
            ]
        }
    }
    (path,) = differences(container("ours"), live)
    assert spoken(path) == "spec.containers[redis].image"
    assert str(touched(live, [path])[path]) == "kubectl-edit (2026-01-01 00:00:00 UTC)"


def test_a_webhook_that_denies_is_told_in_its_words() -> None:
    said = (
        b'{"kind":"Status","message":"admission webhook \\"p.x\\" denied the request: no :latest"}'
    )
    error = refusal(403, said, "k/shop: pods a")
    assert error.code == "kubernetes/refused-by-webhook"
    assert error.message == "the admission webhook p.x refused it: no :latest"


def test_the_version_is_told_without_its_letter() -> None:
    assert Facts(version={"gitVersion": "v1.36.3"}).version_words == "kubernetes 1.36.3"
