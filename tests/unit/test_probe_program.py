"""The probe's program, run as on a host, against servers that behave in every way there is."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.request import Request, urlopen

import pytest

from opsctl.clients.secrets import EnvironmentSecrets, Variables
from opsctl.clients.secrets.deriving import new_root_key
from opsctl.data import renderer
from opsctl.workload import CertRef, SecretRef

PASSWORD = "pass-word"
SAYS = (
    {"send": "LOGIN x\r\n", "expect": "+OK", "pattern": False},
    {"send": "PUT k {new}\r\n", "expect": r"^\s*\+(OK|DONE)", "pattern": True},
    {"send": "GET k\r\n", "expect": "{new}\r\n", "pattern": False},
)


class Keeper(StreamRequestHandler):
    """Keeps one word for each connection; `manner` is how it behaves."""

    manner = "ok"

    def handle(self) -> None:
        kept = b""
        for line in self.rfile:
            words = line.split()
            if self.manner == "cut" and words[0] == b"PUT":
                return
            if self.manner == "cut-later" and words[0] == b"GET":
                type(self).manner = "cut"
            if self.manner == "silent" and words[0] == b"GET":
                continue
            if self.manner == "slow" and words[0] == b"GET":
                time.sleep(0.08)
            if words[0] == b"PUT":
                kept = words[2]
            if self.manner == "refuses" and words[0] == b"PUT":
                self.wfile.write(b"-FULL no room\r\n")
            elif self.manner == "forgets" and words[0] == b"GET":
                self.wfile.write(b"0123456789abcdef\r\n")
            else:
                self.wfile.write(kept + b"\r\n" if words[0] == b"GET" else b"+OK\r\n")


class Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@dataclass
class Probe:
    """One that runs, and how it is asked."""

    port: int
    process: subprocess.Popen[str]

    def page(self, password: str = PASSWORD) -> str:
        login = b64encode(f"opsctl:{password}".encode()).decode()
        address = f"http://127.0.0.1:{self.port}/metrics"
        with urlopen(Request(address, headers={"Authorization": f"Basic {login}"}), timeout=5) as a:
            text: str = a.read().decode()
            return text

    def outcomes(self, route: str) -> dict[str, float]:
        """How its tries ended, those that any did."""
        pattern = (
            rf'^opsctl_probe_attempts_total{{outcome="(\w+)",route="{route}",to="store"}} (\S+)'
        )
        found = re.findall(pattern, self.page(), re.MULTILINE)
        return {outcome: float(count) for outcome, count in found if float(count)}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def way(route: str, port: int, **more: object) -> dict[str, object]:
    return {
        "route": route, "to": "store", "hosts": ["127.0.0.1"], "port": port, "seconds": 0.3,
        "latency": None, "says": SAYS, **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    folder = tmp_path_factory.mktemp("probe")
    servers = {}
    for manner in ("ok", "cut", "silent", "slow", "refuses", "forgets", "cut-later"):
        kind = type(manner, (Keeper,), {"manner": manner})
        servers[manner] = Server(("127.0.0.1", 0), kind)
        threading.Thread(target=servers[manner].serve_forever, daemon=True).start()
    ports = {manner: server.server_address[1] for manner, server in servers.items()}
    nobody, port = free_port(), free_port()
    told = {
        "host": "127.0.0.1", "port": port, "user": "opsctl",
        "password_file": str(folder / "password"),
        "ways": [
            *(way(one, at) for one, at in ports.items() if one not in ("slow", "cut-later")),
            way("slow", ports["slow"], latency=0.02),
            way("slow-unpromised", ports["slow"]),
            way("nobody", nobody),
            # The first of two balancers is away: a client goes to the other.
            way("second", ports["ok"], hosts=["127.0.0.9", "127.0.0.1"]),
            way("in-the-making", nobody, patience=3600),
            way("made", ports["cut-later"], patience=3600),
        ],
    }  # fmt: skip
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "probe.json").write_text(json.dumps(told))
    text = renderer("probe")("probe.py").fill(str)
    (folder / "probe.py").write_text(text)
    argv = [sys.executable, "-I", str(folder / "probe.py"), str(folder / "probe.json")]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    made = Probe(port, process)
    try:
        until(lambda: len(outcomes_of_all(made, told["ways"])) == len(told["ways"]) - 1)
        yield made
    finally:
        process.kill()
        process.wait()
        for server in servers.values():
            server.shutdown()


def outcomes_of_all(probe: Probe, ways: object) -> list[str]:
    """The routes that were tried."""
    assert isinstance(ways, list)
    try:
        return [one["route"] for one in ways if probe.outcomes(one["route"])]
    except OSError:
        return []


def until(condition: object, seconds: float = 60) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.05)


@pytest.mark.parametrize(
    ("route", "outcome"),
    [
        ("ok", "ok"),
        ("slow", "slow"),
        ("slow-unpromised", "ok"),
        ("refuses", "refused"),
        ("forgets", "refused"),
        ("cut", "cut"),
        ("silent", "silent"),
        ("nobody", "unreachable"),
        ("second", "ok"),
    ],
)
def test_how_a_try_ended_is_counted(probe: Probe, route: str, outcome: str) -> None:
    # A machine that is held up for a moment may let any one try run out of time.
    until(lambda: outcome in probe.outcomes(route))
    assert set(probe.outcomes(route)) <= {outcome, "silent", "slow"}


def test_a_route_that_was_never_served_is_not_told_for_a_while(probe: Probe) -> None:
    until(lambda: len(probe.outcomes("nobody")) == 1 and probe.outcomes("made").get("cut", 0) >= 1)
    assert probe.outcomes("in-the-making") == {}
    assert probe.outcomes("made")["ok"] >= 1


def test_every_outcome_is_there_from_the_start_so_that_the_first_one_is_a_rise(
    probe: Probe,
) -> None:
    for outcome in ("ok", "slow", "refused", "silent", "cut", "unreachable"):
        assert f'outcome="{outcome}",route="ok",to="store"' in probe.page()


def test_requests_are_measured_each(probe: Probe) -> None:
    def count() -> float:
        (found,) = re.findall(
            r'opsctl_probe_request_seconds_count{route="ok",to="store"} (\S+)', probe.page()
        )
        return float(found)

    until(lambda: count() >= 4)  # a connection and three exchanges


def test_nobody_reads_without_the_password(probe: Probe) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        probe.page("wrong")
    assert refused.value.code == 401


def test_why_a_route_fails_is_said_once(probe: Probe) -> None:
    until(lambda: sum(probe.outcomes("refuses").values()) >= 2)
    probe.process.terminate()
    said, _ = probe.process.communicate(timeout=30)
    assert said.splitlines().count("refuses: refused -FULL no room") <= 2
    assert "refuses: refused -FULL no room" in said
    assert PASSWORD not in said


def test_with_a_certificate_it_is_asked_over_tls_alone_and_a_renewed_one_needs_no_restart(
    tmp_path: Path,
) -> None:
    known = EnvironmentSecrets("shop", Variables({"OPSCTL_ROOT_KEY": new_root_key()}), {})
    port = free_port()
    proof, key = tmp_path / "web.pem", tmp_path / "web.pem.key"
    told = {
        "host": "127.0.0.1", "port": port, "user": "opsctl", "ways": [],
        "password_file": str(tmp_path / "password"),
        "certificate": str(proof), "key": str(key),
    }  # fmt: skip
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "probe.json").write_text(json.dumps(told))
    (tmp_path / "probe.py").write_text(renderer("probe")("probe.py").fill(str))
    key.write_text(known.value(SecretRef("probe", "key")) or "")

    def certify(*names: str) -> None:
        proof.write_text(known.certificate(CertRef("probe", "certificate", names)) or "")

    def page(scheme: str = "https") -> str:
        trust = ssl.create_default_context(cadata=known.certificate(CertRef()) or "")
        login = b64encode(f"opsctl:{PASSWORD}".encode()).decode()
        request = Request(f"{scheme}://127.0.0.1:{port}/metrics")
        request.add_header("Authorization", f"Basic {login}")
        try:
            with urlopen(request, timeout=5, context=trust) as answer:
                return str(answer.read().decode())
        except (OSError, HTTPException) as error:
            return str(error)

    certify("elsewhere")
    argv = [sys.executable, "-I", str(tmp_path / "probe.py"), str(tmp_path / "probe.json")]
    with subprocess.Popen(argv) as process:
        try:
            until(lambda: "CERTIFICATE_VERIFY_FAILED" in page())
            certify("127.0.0.1")
            assert "opsctl_probe_route_info" in page()
            assert "opsctl_probe_route_info" not in page("http")
            asked = asking(tmp_path, port, known)
            assert "certificate verify failed" in asked().stderr  # the loopback's, not the member's
            certify("probe-dc", "probe-dc-0")
            assert asked().stdout == "routes\t0\n"
        finally:
            process.kill()


def asking(
    folder: Path, port: int, known: EnvironmentSecrets
) -> Callable[[], subprocess.CompletedProcess[str]]:
    """What asks the server within its pod: by the loopback, for the member's certificate."""
    (folder / "ca.pem").write_text(known.certificate(CertRef()) or "")
    (folder / "ask.py").write_text(
        renderer("probe")(
            "ask.py",
            member="probe-dc-0",
            host="127.0.0.1",
            port=port,
            user="opsctl",
            password_file=f"{folder}/password",
            authority=f"{folder}/ca.pem",
            name="probe-dc-0",
        ).fill(str)
    )
    argv = [sys.executable, "-I", str(folder / "ask.py"), "health"]
    return lambda: subprocess.run(argv, capture_output=True, text=True, timeout=30)
