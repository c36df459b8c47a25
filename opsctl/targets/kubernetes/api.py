"""The one edge to the cluster's API: JSON over paths, every request bounded, errors that teach."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from opsctl.errors import OpsError
from opsctl.targets.kubernetes.connection import Connection
from opsctl.targets.kubernetes.kinds import KINDS, path_of
from opsctl.targets.kubernetes.refusals import away, not_it, refusal
from opsctl.targets.kubernetes.site import Manifest
from opsctl.workload import Answer

MANAGER: Final = "opsctl"  # our name among the managers of fields
PAGE: Final = 500  # objects in one answer of a list
PAUSE: Final = 0.5  # seconds between two tries
AWAY: Final = 60.0  # seconds that an API server which is away is waited for, in the middle of work
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
_JSON: Final = "application/json"
_BARE: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

Query = Mapping[str, str]
_NONE: Final[Query] = {}


@dataclass(frozen=True)
class Api:
    """One namespace's API. `patience`: seconds that a server which is away is waited for;
    `timeout`: seconds that one answer may take."""

    connection: Connection
    target: str
    namespace: str
    timeout: float = 30.0
    connect: float = 5.0
    patience: float = 0.0

    def patient(self, seconds: float) -> Api:
        """The same, waiting for a server that is away: only for what may be asked twice."""
        return replace(self, patience=seconds)

    def get(self, path: str, query: Query = _NONE) -> Manifest | None:
        """The object, or None. Raises OpsError kubernetes/..., as all of these do."""
        return self._json("GET", path, query, none=(404,))

    def list(
        self, path: str, selector: str = "", fields: str = "", *, bare: bool = False
    ) -> tuple[Manifest, ...]:
        """Every object of a collection, page by page; `bare`: metadata alone. Items of lists do not
        say their kind."""
        return tuple(self._pages(path, selector, fields, _BARE if bare else _JSON))

    def apply(self, manifest: Manifest, *, dry_run: bool = False, force: bool = False) -> Manifest:
        """Server-side apply; gives the object as it is then. Raises kubernetes/conflict with the
        other manager's name unless `force`."""
        query = {"fieldManager": MANAGER, "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        found = self._json("PATCH", path_of(manifest), query, manifest, APPLY)
        return found or {}

    def create(self, path: str, manifest: Manifest, query: Query = _NONE) -> Manifest:
        """Raises kubernetes/exists."""
        return self._json("POST", path, {"fieldManager": MANAGER, **query}, manifest) or {}

    def replace(self, path: str, manifest: Manifest) -> Manifest:
        """Raises kubernetes/changed-meanwhile when its resourceVersion is not the newest."""
        return self._json("PUT", path, {"fieldManager": MANAGER}, manifest) or {}

    def merge(self, path: str, patch: Manifest) -> Manifest | None:
        """Merges `patch` into the object; None when it is not there."""
        return self._json("PATCH", path, {"fieldManager": MANAGER}, patch, MERGE, none=(404,))

    def delete(self, path: str, *, uid: str = "", grace: int | None = None) -> bool:
        """Asks for it to go, what it owns after it; False when it was not there. With `uid` only
        that very object goes."""
        options: Manifest = {"propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        return self._json("DELETE", path, _NONE, options, none=(404,)) is not None

    def text(self, path: str, query: Query = _NONE) -> str:
        """An answer that is no JSON, such as a container's log; "" when there is none."""
        status, body = self._send("GET", path, query, None, "", "*/*")
        if status == 404:
            return ""
        if status >= 400:
            raise refusal(status, body, self.where(path))
        return body.decode(errors="replace")

    def date(self) -> str:
        """The server's time, as HTTP has it; "" where it does not say."""
        return self._open("GET", "/version", _NONE, None, "", _JSON)[2]

    def log(self, pod: str, container: str, lines: int, *, previous: bool = False) -> str:
        """The last lines of a container's log, or of the one that ran before it."""
        query = {"container": container, "tailLines": str(lines)}
        if previous:
            query["previous"] = "true"
        return self.text(f"{KINDS['Pod'].path(self.namespace, pod)}/log", query)

    def exec(
        self, pod: str, container: str, argv: Sequence[str], stdin: str = "", timeout: float = 20.0
    ) -> Answer:
        """Runs a program in a container. Exit -1 when it could not be run or ran out of time.
        Raises kubernetes/unreachable, /forbidden, ... when it never began."""
        from opsctl.targets.kubernetes.channels import run

        return run(self, pod, container, argv, stdin.encode(), timeout)

    def port_forward(self, pod: str, port: int) -> AbstractContextManager[int]:
        """A port of 127.0.0.1 that leads to the pod's port, for as long as it is held."""
        from opsctl.targets.kubernetes.forwarding import forward

        return forward(self, pod, port)

    def where(self, path: str) -> str:
        """A path in words: shop/namespace: kind name."""
        parts = path.split("?")[0].split("/")
        if "namespaces" in parts[:-2]:
            space = parts.index("namespaces")
            return f"{self.target}/{parts[space + 1]}: {' '.join(parts[space + 2 :])}"
        return f"{self.target}: {' '.join(parts[3 if parts[1] == 'api' else 4 :]) or path}"

    def _pages(self, path: str, selector: str, fields: str, accept: str) -> Iterator[Manifest]:
        query = {"limit": str(PAGE)}
        query |= {"labelSelector": selector} if selector else {}
        query |= {"fieldSelector": fields} if fields else {}
        while True:
            found = self._json("GET", path, query, accept=accept) or {}
            yield from found.get("items") or ()
            further = (found.get("metadata") or {}).get("continue")
            if not further:
                return
            query["continue"] = further

    def _json(
        self,
        verb: str,
        path: str,
        query: Query,
        body: Manifest | None = None,
        form: str = _JSON,
        none: tuple[int, ...] = (),
        accept: str = _JSON,
    ) -> Manifest | None:
        status, answer = self._tried(
            lambda: self._send(verb, path, query, body, form, accept), path
        )
        if status in none and not _of_namespace(answer, self.namespace, path):
            return None
        if status >= 400:
            raise refusal(status, answer, self.where(path))
        found = _object(answer)
        if found is None or status >= 300:
            raise not_it(status, self.where(path))
        return found

    def _tried(self, send: Callable[[], tuple[int, bytes]], path: str) -> tuple[int, bytes]:
        """Once, or until patience ends where the server is away."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                status, answer = send()
                if status != 429 and status < 500:
                    return status, answer
                error = refusal(status, answer, self.where(path))
                if error.code != "kubernetes/unreachable":
                    return status, answer  # such as a budget's no, which is 429 as well
            except OpsError as failed:
                if failed.code != "kubernetes/unreachable":
                    raise
                error = failed
            if time.monotonic() >= deadline:
                raise error
            time.sleep(PAUSE)

    def _send(
        self, verb: str, path: str, query: Query, body: Manifest | None, form: str, accept: str
    ) -> tuple[int, bytes]:
        status, answer, _ = self._open(verb, path, query, body, form, accept)
        return status, answer

    def _open(
        self, verb: str, path: str, query: Query, body: Manifest | None, form: str, accept: str
    ) -> tuple[int, bytes, str]:
        from urllib3.exceptions import HTTPError
        from urllib3.util import Timeout

        url = f"{self.connection.host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, **self.connection.headers}
        data = None
        if body is not None:
            headers["Content-Type"] = form
            data = json.dumps(body, separators=(",", ":")).encode()
        bound = Timeout(connect=self.connect, read=self.timeout)
        try:
            answer: Any = self.connection.pool.request(
                verb, url, body=data, headers=headers, timeout=bound, retries=False, redirect=False
            )
            return int(answer.status), bytes(answer.data), str(answer.headers.get("Date", ""))
        except (HTTPError, OSError) as error:
            raise away(_reason(error), f"{self.target} ({self.connection.host})") from None


def _object(answer: bytes) -> Manifest | None:
    """None where it is no JSON object."""
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _of_namespace(answer: bytes, namespace: str, path: str) -> bool:
    """Whether a 404 means that the whole namespace is not there, while something is created."""
    return False if path.endswith(f"/namespaces/{namespace}") else b'"namespaces"' in answer


def _reason(error: BaseException) -> str:
    """The innermost cause's words: the library wraps it several times."""
    cause: BaseException = error
    while True:
        inner = getattr(cause, "reason", None)
        inner = inner if isinstance(inner, BaseException) else cause.__cause__
        if inner is None or inner is cause:
            break
        cause = inner
    words = str(cause).rpartition(": ")[2] if ">: " in str(cause) else str(cause)
    return words or type(cause).__name__
