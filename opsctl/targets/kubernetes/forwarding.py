"""A local port that leads to a pod's, through the API server."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opsctl.errors import OpsError
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.channels import opened
from opsctl.targets.kubernetes.kinds import KINDS

_PROTOCOL = "v4.channel.k8s.io"
_CHUNK = 65_536


@contextmanager
def forward(api: Api, pod: str, port: int) -> Iterator[int]:
    """See Api.port_forward. Each connection made to the local port has a websocket of its own."""
    path = f"{KINDS['Pod'].path(api.namespace, pod)}/portforward?ports={port}"
    opened(api, path, _PROTOCOL).close(timeout=1)  # so that a refusal is raised here
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()
    threading.Thread(target=_listen, args=(listener, api, path, port, ended), daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        ended.set()
        listener.close()


def _listen(
    listener: socket.socket, api: Api, path: str, port: int, ended: threading.Event
) -> None:
    listener.settimeout(0.5)
    while not ended.is_set():
        try:
            client, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError:
            return
        work = threading.Thread(target=_carry, args=(client, api, path, port, ended), daemon=True)
        work.start()


def _carry(client: socket.socket, api: Api, path: str, port: int, ended: threading.Event) -> None:
    """One connection, until either side closes. A pod that is gone closes it, as a server would."""
    from kubernetes.stream.ws_client import PortForward

    try:
        stream = PortForward(opened(api, path, _PROTOCOL), [port])
    except OpsError:
        client.close()
        return
    far = stream.socket(port)
    try:
        _pump(client, far, ended)
    except OSError:
        pass
    finally:
        client.close()
        far.close()


def _pump(client: socket.socket, far: Any, ended: threading.Event) -> None:
    with selectors.DefaultSelector() as ready:
        ready.register(client, selectors.EVENT_READ, far)
        ready.register(far.fileno(), selectors.EVENT_READ, client)
        while not ended.is_set():
            for key, _ in ready.select(timeout=0.5):
                source = client if key.data is far else far
                data = source.recv(_CHUNK)
                if not data:
                    return
                key.data.sendall(data)
