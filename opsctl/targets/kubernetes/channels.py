"""Programs in containers: the API's exec over a websocket, with its channels."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.refusals import away, refusal
from opsctl.workload import Answer

PROTOCOL: Final = "v5.channel.k8s.io"  # the first in which standard input can be ended
STDIN, STDOUT, STDERR, ERROR, CLOSE = 0, 1, 2, 3, 255
_CHUNK: Final = 32_768  # bytes of standard input in one frame
_MOST: Final = 4 * 1024**2  # bytes kept of what a program says


def run(
    api: Api, pod: str, container: str, argv: Sequence[str], stdin: bytes, timeout: float
) -> Answer:
    """See Api.exec."""
    import websocket

    path = f"{KINDS['Pod'].path(api.namespace, pod)}/exec"
    said = [("command", word) for word in argv]
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), *said]
    if stdin:
        query.append(("stdin", "true"))
    socket = opened(api, f"{path}?{urlencode(query)}", PROTOCOL)
    deadline = time.monotonic() + timeout
    kept: dict[int, bytearray] = {STDOUT: bytearray(), STDERR: bytearray(), ERROR: bytearray()}
    try:
        _feed(socket, stdin)
        in_time = _drain(socket, kept, deadline)
    except (websocket.WebSocketException, OSError) as error:
        raise away(str(error), api.where(path)) from None
    finally:
        socket.close(timeout=1)
    return _answer(kept, in_time, timeout)


def opened(api: Api, path: str, protocol: str) -> Any:
    """A websocket to a path of the API. Raises what the API server refuses."""
    import websocket

    connection = api.connection
    host = connection.host
    url = f"ws{host.removeprefix('http')}{path}"
    headers = [f"{name}: {value}" for name, value in connection.headers.items()]
    trust = _trust(connection.configuration)
    socket: Any = websocket.WebSocket(sslopt=trust, enable_multithread=True)
    try:
        socket.connect(
            url,
            header=headers,
            subprotocols=[protocol],
            timeout=api.connect,
            suppress_origin=True,
            **_proxy(connection.configuration),
        )
    except websocket.WebSocketBadStatusException as error:
        body = error.resp_body or b""
        raise refusal(error.status_code, _bytes(body), api.where(path)) from None
    except (websocket.WebSocketException, OSError) as error:
        raise away(str(error) or type(error).__name__, api.where(path)) from None
    return socket


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


def _trust(configuration: Any) -> dict[str, Any]:
    if not configuration.verify_ssl:
        return {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    found: dict[str, Any] = {"cert_reqs": ssl.CERT_REQUIRED}
    names = {
        "ca_certs": configuration.ssl_ca_cert,
        "certfile": configuration.cert_file,
        "keyfile": configuration.key_file,
        "server_hostname": configuration.tls_server_name,
    }
    return found | {name: value for name, value in names.items() if value}


def _proxy(configuration: Any) -> dict[str, Any]:
    from urllib.parse import urlsplit

    if not configuration.proxy:
        return {}
    proxy = urlsplit(configuration.proxy)
    skipped = [one for one in (configuration.no_proxy or "").split(",") if one]
    return {
        "http_proxy_host": proxy.hostname,
        "http_proxy_port": proxy.port,
        "proxy_type": proxy.scheme or "http",
        "http_no_proxy": skipped,
    }


def _feed(socket: Any, stdin: bytes) -> None:
    if not stdin:
        return
    for start in range(0, len(stdin), _CHUNK):
        socket.send_binary(bytes([STDIN]) + stdin[start : start + _CHUNK])
    if socket.getsubprotocol() == PROTOCOL:
        socket.send_binary(bytes([CLOSE, STDIN]))


def _drain(socket: Any, kept: dict[int, bytearray], deadline: float) -> bool:
    """Reads until the program has ended; False when time ran out first."""
    import websocket

    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        socket.settimeout(left)
        try:
            code, data = socket.recv_data()
        except websocket.WebSocketTimeoutException:
            return False
        except websocket.WebSocketConnectionClosedException:
            return True
        if code == websocket.ABNF.OPCODE_CLOSE:
            return True
        if data and data[0] in kept and len(kept[data[0]]) < _MOST:
            kept[data[0]] += data[1:]
        if data and data[0] == ERROR:
            return True


def _answer(kept: dict[int, bytearray], in_time: bool, timeout: float) -> Answer:
    out, err = (kept[one].decode(errors="replace") for one in (STDOUT, STDERR))
    if not in_time:
        return Answer(-1, out, f"{err}no answer within {timeout:g} s")
    exit, words = ended(bytes(kept[ERROR]))
    return Answer(exit, out, err + words)


def ended(status: bytes) -> tuple[int, str]:
    """The program's exit code, or -1 and why it could not be run."""
    if not status:
        return -1, "the connection broke off before the program ended"
    said = json.loads(status)
    if said.get("status") == "Success":
        return 0, ""
    for cause in (said.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"]), ""
    return -1, str(said.get("message", ""))
