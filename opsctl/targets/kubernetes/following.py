"""A container's log, from before its last crash if need be, and further as it is written."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from opsctl.errors import Exit, OpsError
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.refusals import away, refusal
from opsctl.targets.kubernetes.site import Manifest

PATIENCE: Final = 300.0  # seconds until a container that has ended must be followed by another
_LOOK: Final = 1.0  # seconds between two looks for it
_TOLD: Final = 5.0  # seconds within which a node tells that a container has ended


@dataclass(frozen=True, slots=True)
class Log:
    """What is wanted: the newest `lines`, and with `follow` all that come."""

    pod: str
    container: str
    lines: int
    follow: bool = False


def print_log(api: Api, log: Log) -> int:
    """On standard output; 0 when it is all there. Raises kubernetes/no-pod, ..."""
    status = _status(api, log)
    if not (status or {}).get("containerID"):
        _aside(f"{log.pod}: {log.container} has not started yet{_waits(status or {})}")
        if not log.follow:
            return 0
        status = _next(api, log, "")
    recent = _recent(api, log)
    _out([_before(api, log, status or {}, recent.count("\n"))])
    if not log.follow:
        _out([recent])
        return 0
    _follow(api, log, {"tailLines": str(log.lines)})
    while True:
        known, broke = str((status or {}).get("containerID")), time.monotonic()
        status = _settled(api, log, known)
        if _goes_on(status, known):
            _follow(api, log, {"sinceSeconds": str(math.ceil(time.monotonic() - broke))})
            continue
        if status is None or str(status.get("containerID")) == known:
            _aside(f"{log.pod}: {log.container} has ended; waiting for the next")
            status = _next(api, log, known)
        _follow(api, log, {})


def _settled(api: Api, log: Log, known: str) -> Mapping[str, Any] | None:
    """The container's status once its node must have told, if it did end: only its connection may
    have, as when the kubelet is restarted."""
    deadline = time.monotonic() + _TOLD
    while _goes_on(status := _status(api, log), known) and time.monotonic() < deadline:
        time.sleep(_LOOK)
    return status


def _goes_on(status: Mapping[str, Any] | None, known: str) -> bool:
    there = status or {}
    return str(there.get("containerID")) == known and "running" in (there.get("state") or {})


def _recent(api: Api, log: Log) -> str:
    return api.log(log.pod, log.container, log.lines)


def _before(api: Api, log: Log, status: Mapping[str, Any], known: int) -> str:
    """What the container said before it died, as far as `lines` reach further back than its
    successor's words. One that has no successor yet is the newest itself."""
    crashed = "terminated" in (status.get("lastState") or {})
    if known >= log.lines or not crashed or "waiting" in (status.get("state") or {}):
        return ""
    try:
        return api.log(log.pod, log.container, log.lines - known, previous=True)
    except OpsError as error:
        if error.code == "kubernetes/unreachable":
            raise
        return ""  # the node has thrown it away


def _status(api: Api, log: Log) -> Mapping[str, Any] | None:
    """Of the container; None while there is no pod, {} while the node has not seen it."""
    pod = api.get(KINDS["Pod"].path(api.namespace, log.pod))
    if pod is None:
        return None
    return _of(pod, log.container)


def _of(pod: Manifest, container: str) -> Mapping[str, Any]:
    several: Iterable[Mapping[str, Any]] = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((one for one in several if one["name"] == container), {})


def _waits(status: Mapping[str, Any]) -> str:
    waiting = (status.get("state") or {}).get("waiting") or {}
    return f": {waiting['reason']} {waiting.get('message', '')}".rstrip() if waiting else ""


def _next(api: Api, log: Log, known: str) -> Mapping[str, Any]:
    """Waits for a container after `known`. Raises kubernetes/no-pod."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        status = _status(api, log) or {}
        if status.get("containerID", known) != known and "waiting" not in status.get("state", {}):
            return status
        time.sleep(_LOOK)
    raise OpsError(
        "kubernetes/no-pod",
        f"no container {log.container} has run in the pod {log.pod} for {PATIENCE:g} s",
        where=f"{api.target}/{api.namespace}",
        hint="opsctl status",
        exit=Exit.UNOBSERVED,
    )


def _follow(api: Api, log: Log, more: Mapping[str, str]) -> None:
    """Prints until the container ends."""
    from urllib3.exceptions import HTTPError
    from urllib3.util import Timeout

    path = f"{KINDS['Pod'].path(api.namespace, log.pod)}/log"
    query = urlencode({"container": log.container, "follow": "true", **more})
    connection = api.connection
    bound = Timeout(connect=api.connect, read=None)  # a server may have nothing to say for days
    try:
        answer: Any = connection.pool.request(
            "GET", f"{connection.host}{path}?{query}", headers=connection.headers,
            timeout=bound, retries=False, preload_content=False,
        )  # fmt: skip
        if answer.status >= 400:
            raise refusal(answer.status, answer.data, api.where(path))
        for chunk in answer.stream(None, decode_content=True):
            _out([chunk])
    except (HTTPError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise away(str(error), api.where(path)) from None


def _out(several: Iterable[str | bytes]) -> None:
    for one in several:
        data = one.encode() if isinstance(one, str) else one
        while data:
            data = data[os.write(1, data) :]


def _aside(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
