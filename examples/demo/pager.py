"""Who is told of alerts in the demo: a small HTTP server in place of an on-call system."""

from __future__ import annotations

import json
import queue
import threading
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

    @classmethod
    def of(cls, alert: Mapping[str, Any]) -> Told:
        labels = alert["labels"]
        return cls(
            labels["alertname"],
            alert["status"],
            labels.get("severity", ""),
            alert["annotations"].get("summary", ""),
        )


class Pager:
    """Takes what Alertmanager posts."""

    def __init__(self, heard: queue.Queue[Told]) -> None:
        self._heard = heard

    def forget(self) -> None:
        """What was told until now counts no more."""
        while not self._heard.empty():
            self._heard.get_nowait()

    def until(self, holds: Callable[[Told], bool], seconds: float) -> Told | None:
        """The first for which it holds, None when there is none for so long."""
        while True:
            try:
                told = self._heard.get(timeout=seconds)
            except queue.Empty:
                return None
            if holds(told):
                return told


@contextmanager
def pager() -> Iterator[Pager]:
    """Raises OSError where the port is somebody else's."""
    heard: queue.Queue[Told] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for alert in json.loads(body)["alerts"]:
                told = Told.of(alert)
                if told.severity in ("page", "ticket"):  # the dead-man alert comes every minute
                    heard.put(told)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((ADDRESS, PORT), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Pager(heard)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
