# Written by opsctl; changes made here are undone by the next apply.
"""Uses services through their routes as their clients do, and tells how that went.

Every try makes a connection, logs in, and has exchanges on it; what they are stands in the file that
is the argument. It writes only what goes by itself. Python 3.11 and prometheus_client.
"""

import asyncio
import base64
import hmac
import json
import re
import secrets
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

# ok; slow: a request took longer than was promised; refused: another answer came; silent: none came
# in time; cut: the connection ended; unreachable: there was none.
OUTCOMES = ("ok", "slow", "refused", "silent", "cut", "unreachable")
LONGEST = 65536  # bytes of an answer
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REGISTRY = CollectorRegistry()
WHOSE = ("route", "to")
ATTEMPTS = Counter(
    "opsctl_probe_attempts", "How tries to use a route ended.", (*WHOSE, "outcome"), registry=REGISTRY
)
SECONDS = Histogram(
    "opsctl_probe_request_seconds", "Time until a connection, or an answer on it.", WHOSE,
    registry=REGISTRY, buckets=BOUNDS,
)
INFO = Gauge("opsctl_probe_route_info", "Always 1: it is tried.", WHOSE, registry=REGISTRY)


class Failed(Exception):
    """A try that failed: one of OUTCOMES, and more of it."""

    def __init__(self, outcome, words=""):
        super().__init__(words)
        self.outcome = outcome


class Route:
    """One route, tried again and again."""

    def __init__(self, told):
        self.whose = {"route": told["route"], "to": told["to"]}
        self.hosts, self.port = told["hosts"], told["port"]
        self.seconds, self.latency = told["seconds"], told["latency"]
        self.says = [(one["send"], one["expect"], one["pattern"]) for one in told["says"]]
        # Until it is served for the first time a route may still be in the making: for so long,
        # tries that fail are not told.
        self.patient = time.monotonic() + told.get("patience", 0)
        self.turn = 0
        self.was = ""
        INFO.labels(**self.whose).set(1)
        for outcome in OUTCOMES:
            ATTEMPTS.labels(**self.whose, outcome=outcome)

    async def keep_trying(self, late):
        """At a steady pace. A try that this machine had no time for is left out."""
        due = time.monotonic() + late
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            outcome, words = await self.tried()
            if outcome in ("ok", "slow"):
                self.patient = 0
            if time.monotonic() >= self.patient:
                ATTEMPTS.labels(**self.whose, outcome=outcome).inc()
            if outcome != self.was and {outcome, self.was} != {"ok", "slow"}:
                print(f"{self.whose['route']}: {outcome} {words}".strip(), flush=True)
            self.was = outcome
            due = max(due + self.seconds, time.monotonic())

    async def tried(self):
        """One try: how it ended, and why."""
        try:
            async with asyncio.timeout(self.seconds):
                slowest = await self.used()
        except Failed as failed:
            return failed.outcome, str(failed)
        except TimeoutError:
            return "silent", f"no answer within {self.seconds:g} s"
        except (OSError, asyncio.IncompleteReadError) as error:
            return "cut", str(error)
        return ("slow" if self.latency is not None and slowest > self.latency else "ok"), ""

    async def used(self):
        """Seconds of the slowest request."""
        began = time.monotonic()
        reader, writer = await self.connected()
        try:
            slowest = self.took(began)
            new = f"{secrets.randbelow(10**16):016d}"
            for send, expect, pattern in self.says:
                began = time.monotonic()
                writer.write(send.replace("{new}", new).encode())
                await writer.drain()
                await answered(reader, expect.replace("{new}", new), pattern)
                slowest = max(slowest, self.took(began))
            return slowest
        finally:
            writer.transport.abort()

    def took(self, began):
        seconds = time.monotonic() - began
        SECONDS.labels(**self.whose).observe(seconds)
        return seconds

    async def connected(self):
        """By the first way that lets it in; another one comes first every time."""
        count = len(self.hosts)
        self.turn += 1
        said = ""
        for step in range(count):
            host = self.hosts[(self.turn + step) % count]
            try:
                async with asyncio.timeout(self.seconds / count):
                    return await asyncio.open_connection(host, self.port, limit=LONGEST)
            except OSError as error:  # the timeout is one
                said = f"{host}: {error or 'no connection in time'}"
        raise Failed("unreachable", said)


async def answered(reader, expect, pattern):
    """Once what has come holds what is expected; what is left of a line comes with the next."""
    heard = b""
    while True:
        more = await reader.read(LONGEST)
        if not more:
            raise Failed("cut", "the connection was closed")
        heard += more
        text = heard.decode(errors="replace")
        if re.search(expect, text) if pattern else expect in text:
            return
        whole = text.strip() and text.endswith("\n") and len(text) >= len(expect)
        if whole or len(heard) > LONGEST:
            raise Failed("refused", text.strip().splitlines()[0][:100])


class Pages(BaseHTTPRequestHandler):
    """/metrics for whoever has the password."""

    timeout = 5
    told = None

    def do_GET(self):
        if not self.let_in():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="metrics"')
            self.end_headers()
            return
        body = generate_latest(REGISTRY) if self.path == "/metrics" else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def let_in(self):
        """The file is read anew each time: a new password needs no restart."""
        with open(self.told["password_file"]) as file:
            login = f"{self.told['user']}:{file.read().strip()}"
        wanted = "Basic " + base64.b64encode(login.encode()).decode()
        given = self.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), wanted.encode())

    def log_message(self, *_):
        """Nobody wants to read of every scrape."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def finish_request(self, request, client):
        """Proves who it is, where it was given a certificate: the files are read anew each time, so
        a renewed one needs no restart. In the request's own thread: a slow client holds nobody."""
        told = Pages.told
        if told.get("certificate"):
            request.settimeout(Pages.timeout)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(told["certificate"], told["key"])
            try:
                request = context.wrap_socket(request, server_side=True)
            except OSError:  # no TLS, or whoever asks does not believe us
                return
        with request:
            super().finish_request(request, client)

    def __init__(self, host, port):
        """At every address where no host is said."""
        self.everywhere = not host and socket.has_dualstack_ipv6()
        if self.everywhere or ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), Pages)

    def server_bind(self):
        if self.everywhere:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


async def main(told):
    Pages.told = told
    server = Server(told["host"], told["port"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    routes = [Route(one) for one in told["ways"]]
    # Spread over their time, so that they do not wait for each other.
    tries = [
        route.keep_trying(route.seconds * number / len(routes))
        for number, route in enumerate(routes)
    ]
    await asyncio.gather(asyncio.Event().wait(), *tries)


if __name__ == "__main__":
    with open(sys.argv[1]) as settings:
        asyncio.run(main(json.load(settings)))
