"""A cluster's API server at its edge: requests are as they would be sent, a test answers them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.connection import Connection


@dataclass(frozen=True)
class Request:
    """`path` is without its query."""

    verb: str
    path: str
    query: Mapping[str, list[str]]
    body: Any = None


Reply = tuple[int, Any]  # HTTP's status, and what is said; bytes are said as they are


@dataclass(frozen=True)
class _Response:
    status: int
    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Edge:
    """Stands for a Connection and for its pool. `seen`: everything asked, in order."""

    reply: Callable[[Request], Reply]
    host: str = "https://prod.example"
    headers: Mapping[str, str] = field(default_factory=dict)
    seen: list[Request] = field(default_factory=list)

    @property
    def pool(self) -> Edge:
        return self

    def request(self, verb: str, url: str, *, body: bytes | None = None, **_: Any) -> _Response:
        parts = urlsplit(url)
        said = json.loads(body) if body else None
        self.seen.append(Request(verb, parts.path, parse_qs(parts.query), said))
        status, answer = self.reply(self.seen[-1])
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return _Response(status, data)

    @property
    def connection(self) -> Connection:
        return cast("Connection", self)

    def api(self, namespace: str = "shop") -> Api:
        return Api(self.connection, "prod", namespace)


def refused(code: int, message: str, reason: str = "", **details: Any) -> Reply:
    """A Status, as the API server gives it."""
    said = {"kind": "Status", "message": message, "reason": reason, "code": code}
    return code, said | {"details": details}
