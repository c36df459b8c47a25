"""The bare API server: a real one, without a cluster behind it."""

from __future__ import annotations

import pytest
from api_server import ApiServer

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1200)]


def test_it_keeps_what_is_applied(api_server: ApiServer, namespace: str) -> None:
    api_server.kubectl("create", "configmap", "one", "--from-literal=a=b", "-n", namespace)
    said = api_server.kubectl("get", "configmap", "one", "-n", namespace, "-o", "jsonpath={.data}")
    assert said == '{"a":"b"}'


def test_a_user_without_rights_is_refused(api_server: ApiServer, namespace: str) -> None:
    plain = api_server.kubeconfig_of("plain", namespace)
    said = api_server.kubectl("auth", "can-i", "list", "pods", f"--kubeconfig={plain}", check=False)
    assert said.strip() == "no"
