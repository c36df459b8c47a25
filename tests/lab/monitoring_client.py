"""What the lab tests of monitoring share: who is told of alerts, and how a Prometheus is asked."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lab_site import Site, await_until, members
from redis_client import password

from opsctl.clients.secrets.deriving import root_bytes
from opsctl.clients.secrets.issuing import EARLY, LIFE, Authority

Alert = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """An alert as it was told: when, by this machine's monotonic clock."""

    at: float
    alert: Alert

    def means(self, name: str, status: str, labels: Mapping[str, str]) -> bool:
        known = self.alert["labels"]
        said = (known["alertname"], self.alert["status"])
        return said == (name, status) and labels.items() <= known.items()


class Webhook:
    """Hears what Alertmanager posts, at an address of this machine; over TLS with a `proof`.

    `senders` are the addresses of who posts, the newest last; `refused` those of who is answered
    500, and `refusals` when that was (monotonic).
    """

    def __init__(self, address: str, proof: ssl.SSLContext | None = None) -> None:
        self.heard: list[Heard] = []
        self.senders: list[str] = []
        self.refused: set[str] = set()
        self.refusals: list[float] = []
        self._news = threading.Condition()
        self._looked = 0
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(webhook._take(self.client_address[0], json.loads(body)))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer((address, 0), Handler)
        if proof is not None:
            self._server.socket = proof.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if proof is None else "https"
        self.url = f"{scheme}://{address}:{self._server.server_port}/alerts"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _take(self, sender: str, message: Mapping[str, Any]) -> int:
        now = time.monotonic()
        with self._news:
            if sender in self.refused:
                self.refusals.append(now)
                return 500
            self.senders.append(sender)
            self.heard += [Heard(now, alert) for alert in message["alerts"]]
            self._news.notify_all()
        return 200

    def until(self, name: str, status: str, seconds: float = 180, **labels: str) -> Alert:
        """The first such alert that is told, of what was not looked at before."""
        return self._first(self._looked, name, status, seconds, labels, look=True).alert

    def since(
        self, moment: float, name: str, status: str, seconds: float, labels: Mapping[str, str]
    ) -> Heard:
        """The first such alert that is told after a moment, whoever looked at it before."""
        with self._news:
            begin = next((n for n, one in enumerate(self.heard) if one.at >= moment), None)
            begin = len(self.heard) if begin is None else begin
        return self._first(begin, name, status, seconds, labels)

    def _first(
        self, begin: int, name: str, status: str, seconds: float, labels: Mapping[str, str],
        look: bool = False,
    ) -> Heard:  # fmt: skip
        at, deadline = begin, time.monotonic() + seconds
        with self._news:
            while True:
                while at < len(self.heard):
                    one = self.heard[at]
                    at += 1
                    self._looked = at if look else self._looked
                    if one.means(name, status, labels):
                        return one
                left = deadline - time.monotonic()
                if left <= 0:
                    seen = [
                        (one.alert["labels"]["alertname"], one.alert["status"])
                        for one in self.heard[begin:]
                    ]
                    raise AssertionError(f"{name} was not {status}; heard {seen}")
                self._news.wait(left)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def webhook(site: Site) -> Iterator[Webhook]:
    one = Webhook(site.lab.gateway)
    try:
        yield one
    finally:
        one.close()


def asked(site: Site, path: str, member: str = "metrics-dc-0", port: int = 9090) -> Any:
    """What a member answers to an HTTP request, once it has proved that the address is its own."""
    address, login = _door(site, member)
    request = urllib.request.Request(f"https://{address}:{port}{path}")
    request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    with urllib.request.urlopen(request, timeout=10, context=trust(site)) as answer:
        return json.load(answer)


def trust(site: Site) -> ssl.SSLContext:
    """Believes the environment's authority, as anybody does who was given its certificate."""
    if site.lab.name not in _TRUST:
        pem = site.ok("cert", "show-ca").out
        _TRUST[site.lab.name] = ssl.create_default_context(cadata=pem)
    return _TRUST[site.lab.name]


def distrust(site: Site) -> None:
    """Whom it believes is asked for anew."""
    _TRUST.pop(site.lab.name, None)


_TRUST: dict[str, ssl.SSLContext] = {}
_DOORS: dict[tuple[str, str], tuple[str, str]] = {}  # members do not move in these tests


def _door(site: Site, member: str) -> tuple[str, str]:
    """A member's address, and the name and password it lets in."""
    key = (site.lab.name, member)
    if key not in _DOORS:
        host, service = host_of(site, member), member.rpartition("-")[0]
        address = next(one.address for one in site.lab.hosts if one.name == host)
        _DOORS[key] = address, f"opsctl:{password(site, f'{service}/user/opsctl')}"
    return _DOORS[key]


def host_of(site: Site, member: str) -> str:
    found = members(site.status(), member.rpartition("-")[0])
    return str(next(one["where"] for one in found if one["name"] == member)).rpartition("/")[2]


def query(site: Site, expression: str, member: str = "metrics-dc-0") -> list[Mapping[str, Any]]:
    """The series that an expression gives now."""
    path = "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    return list(asked(site, path, member)["data"]["result"])


def targets(site: Site, member: str = "metrics-dc-0") -> dict[str, str]:
    """By "member/job": up, or why not."""
    found = asked(site, "/api/v1/targets?state=active", member)["data"]["activeTargets"]
    return {
        f"{one['labels']['member']}/{one['labels']['job']}": one["lastError"] or one["health"]
        for one in found
    }


def await_up(site: Site, names: set[str], member: str = "metrics-dc-0") -> None:
    """Until exactly these are its targets, and all up."""
    await_until(
        lambda: targets(site, member),
        lambda found: found == dict.fromkeys(names, "up"),
        "every target to be up",
    )


def issue(
    site: Site, member: str, component: str, address: str, left: float, root: bytes = b""
) -> str:
    """A certificate of the environment's authority, or that of another `root`, over the member's
    own key (PEM); it ends in `left` seconds."""
    root = root or root_bytes(site.ok("secrets", "show", "root-key").out, "the test")
    service = member.rpartition("-")[0]
    seed = password(site, f"{service}/certificate/{member}/{component}")
    begins = time.time() + left - LIFE + EARLY
    return Authority(root, "shop", 1).issue(seed, (member, address), "server", begins)


def shown(address: str, port: int) -> str:
    """The certificate that a server shows now (PEM)."""
    return ssl.get_server_certificate((address, port), timeout=10)
