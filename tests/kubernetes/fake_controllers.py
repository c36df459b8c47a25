"""What a StatefulSet's controller and a kubelet would do, on a bare API server.

A fake, because no controller runs there and no container: it makes each StatefulSet's pod and
writes into its status that its containers run. Tests on the cluster have the real ones.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opsctl.errors import OpsError
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.site import Manifest


@contextmanager
def controllers(api: Api) -> Iterator[None]:
    """Pods come by themselves for as long as this is held."""
    ended = threading.Event()
    thread = threading.Thread(target=_work, args=(api, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)


def _work(api: Api, ended: threading.Event) -> None:
    while not ended.wait(0.1):
        for one in api.list(KINDS["StatefulSet"].path(api.namespace)):
            path = KINDS["Pod"].path(api.namespace, f"{one['metadata']['name']}-0")
            if api.get(path) is None:
                _make(api, one)


def _make(api: Api, owner: Manifest) -> None:
    name = f"{owner['metadata']['name']}-0"
    try:
        api.create(KINDS["Pod"].path(api.namespace), pod_of(owner))
    except OpsError:  # refused by a quota, or made a moment ago
        return
    running = [
        {"name": one["name"], "ready": True, "restartCount": 0, "image": one["image"],
         "imageID": "", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
        for one in owner["spec"]["template"]["spec"]["containers"]
    ]  # fmt: skip
    status = {"status": {"phase": "Running", "containerStatuses": running}}
    api.merge(f"{KINDS['Pod'].path(api.namespace, name)}/status", status)


def pod_of(owner: Manifest) -> Manifest:
    """The pod that the controller of a StatefulSet, or of a DaemonSet that says its kind, would
    make, less its claims: none is ever bound."""
    template = owner["spec"]["template"]
    spec = dict(template["spec"])
    volumes = [
        {"name": one["metadata"]["name"], "emptyDir": {}}
        for one in owner["spec"].get("volumeClaimTemplates", [])
    ]
    spec["volumes"] = [*spec["volumes"], *volumes]
    reference = {
        "apiVersion": "apps/v1",
        "kind": owner.get("kind", "StatefulSet"),
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    metadata = {
        **template["metadata"],
        "name": f"{owner['metadata']['name']}-0",
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [reference],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
