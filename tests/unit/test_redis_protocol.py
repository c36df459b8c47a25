"""What a server says on the wire reads as what its own client shows."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis_world import free_port

from opsctl.engines.redis.asking import MARK
from opsctl.engines.redis.protocol import farewell, shown
from opsctl.engines.redis.standings import (
    REDIS_QUESTIONS,
    redis_standing,
    sentinel_questions,
    sentinel_standing,
)
from opsctl.targets.hosts.bundle import playbooks
from opsctl.workload import Answer

sys.path.insert(0, str(playbooks() / "module_utils"))

from opsctl_host import dialling

Reply = None | int | str | tuple[str] | list["Reply"]  # a tuple is an error


def wire(reply: Reply) -> bytes:
    if isinstance(reply, list):
        return b"*%d\r\n" % len(reply) + b"".join(map(wire, reply))
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, tuple):
        return f"-{reply[0]}\r\n".encode()
    return b"$%d\r\n%s\r\n" % (len(reply.encode()), reply.encode())


def client(reply: Reply) -> str:
    """redis-cli's cliFormatReplyRaw()."""
    if isinstance(reply, list):
        return "\n".join(map(client, reply))
    return "" if reply is None else f"{reply[0]}\n" if isinstance(reply, tuple) else str(reply)


PLAIN = st.none() | st.integers(0, 99) | st.text(st.characters(codec="utf-8"), max_size=9)
REPLIES = st.recursive(PLAIN | st.just(("ERR no",)), lambda some: st.lists(some, max_size=4))
ALL = st.lists(REPLIES, max_size=4)


def text(said: bytes) -> str:
    return said.decode(errors="surrogateescape")


@given(ALL)
def test_every_reply_is_shown_as_the_client_shows_it_and_the_farewell_is_not(
    replies: list[Reply],
) -> None:
    said = text(b"".join(map(wire, replies)))
    expected = "".join(f"{client(reply)}\n" for reply in replies)
    assert shown(f"{said}+OK\r\n") == expected
    assert shown(f"{said}-ERR Protocol error: unbalanced quotes in request\r\n") == expected


@given(ALL, st.integers(0, 99))
def test_a_reply_that_is_cut_short_is_left_out(replies: list[Reply], at: int) -> None:
    said = [wire(reply) for reply in replies]
    whole = shown(text(b"".join(said)))
    assert whole.startswith(shown(text(b"".join(said)[:at])).removesuffix("\n"))


def test_what_is_no_reply_ends_nothing_in_an_error() -> None:
    for said in ("", "HTTP/1.1 400 Bad Request\r\n\r\n", "*x\r\n", "$\r\n", "\r\n\r\n"):
        assert isinstance(shown(said), str)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """A real server and a Sentinel that watches it; a password for both."""
    server = shutil.which("redis-server")
    assert server, "apt-get install redis-server"
    folder = tmp_path_factory.mktemp("servers")
    ports = {"redis": free_port(), "sentinel": free_port()}
    common = 'dir {folder}\nbind 127.0.0.1\nsave ""\nuser opsctl on >secret ~* &* +@all\n'
    watched = (
        f"sentinel monitor shop 127.0.0.1 {ports['redis']} 1\nsentinel auth-user shop opsctl\n"
    )
    more = {"redis": "", "sentinel": f"{watched}sentinel auth-pass shop secret\n"}
    running = []
    for name, port in ports.items():
        file = folder / f"{name}.conf"
        file.write_text(f"port {port}\n{common.format(folder=folder)}{more[name]}")
        flags = ["--sentinel"] if name == "sentinel" else []
        running.append(subprocess.Popen([server, str(file), *flags], stdout=subprocess.DEVNULL))
    try:
        for name, port in ports.items():
            end = time.monotonic() + 30
            while not _said(port, name, ["PING"]).startswith("OK"):
                assert time.monotonic() < end, f"{name} does not start"
        yield ports
    finally:
        for one in running:
            one.kill()
            one.wait()


def _said(port: int, component: str, commands: list[str], password: str = "secret") -> str:
    lines = [f"AUTH opsctl {password}", *commands, farewell(component)]
    return shown(dialling.said(port, "".join(f"{line}\n" for line in lines), 5).out)


def _client(port: int, commands: list[str], password: str = "secret") -> str:
    lines = "".join(f"{line}\n" for line in (f"AUTH opsctl {password}", *commands))
    argv = ["redis-cli", "-p", str(port)]
    return subprocess.run(
        argv, input=lines, capture_output=True, text=True, timeout=20, check=False
    ).stdout


@pytest.mark.parametrize("password", ["secret", "wrong"])
@pytest.mark.parametrize("component", ["redis", "sentinel"])
def test_a_real_server_hangs_up_and_reads_as_through_its_client(
    servers: dict[str, int], component: str, password: str
) -> None:
    asked = {
        "redis": ["CONFIG GET maxmem* port", f"PING {MARK}", "ACL LIST", "NOSUCH", "ROLE"],
        "sentinel": ["SENTINEL DEBUG", f"PING {MARK}", "SENTINEL REPLICAS shop", "ACL LIST", "GET"],
    }[component]
    port = servers[component]
    assert _said(port, component, asked, password) == _client(port, asked, password)


def test_standings_are_read_from_the_wire(servers: dict[str, int]) -> None:
    redis = redis_standing(Answer(0, _said(servers["redis"], "redis", list(REDIS_QUESTIONS))))
    assert (redis.role, redis.ready) == ("primary", True)
    asked = list(sentinel_questions("shop"))
    sentinel = sentinel_standing(Answer(0, _said(servers["sentinel"], "sentinel", asked)))
    assert sentinel.role == "arbiter"
    assert sentinel.following == f"127.0.0.1:{servers['redis']}"
