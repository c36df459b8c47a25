"""Who is told of alerts in the demo: a small HTTP server in place of an on-call system."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ADDRESS, PORT = "10.77.0.1", 9095  # this machine's on the lab's bridge
URL = f"http://{ADDRESS}:{PORT}/"


@dataclass(frozen=True, slots=True)
class Told:
    """One alert as it was told."""

    name: str
    status: str  # firing or resolved
    severity: str
    summary: str
    at: float  # seconds since 1970

    @classmethod
    def of(cls, alert: Mapping[str, Any]) -> Told:
        labels = alert["labels"]
        return cls(
            labels["alertname"],
            alert["status"],
            labels.get("severity", ""),
            alert["annotations"].get("summary", ""),
            time.time(),
        )


class Pager:
    """Keeps what Alertmanager posts, in its order."""

    def __init__(self) -> None:
        self._heard: list[Told] = []
        self._news = threading.Condition()

    def hear(self, told: Told) -> None:
        with self._news:
            self._heard.append(told)
            self._news.notify_all()

    def forget(self) -> None:
        """What was told until now counts no more."""
        with self._news:
            self._heard.clear()

    def first(self, holds: Callable[[Told], bool], seconds: float) -> Told | None:
        """The first for which it holds, awaited; None when there is none for so long."""

        def found() -> Told | None:
            return next((told for told in self._heard if holds(told)), None)

        with self._news:
            self._news.wait_for(lambda: found() is not None, seconds)
            return found()


@contextmanager
def pager() -> Iterator[Pager]:
    """Raises OSError where the port is somebody else's."""
    one = Pager()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for alert in json.loads(body)["alerts"]:
                told = Told.of(alert)
                if told.severity in ("page", "ticket"):  # the dead-man alert comes every minute
                    one.hear(told)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((ADDRESS, PORT), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
