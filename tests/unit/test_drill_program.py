"""The packed client against a fake server that has bad days on command."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_resp import FakeResp, fake_resp

from drill_client import PATIENT, client, through
from opsctl.drills.client.core import Refused, Settings
from opsctl.drills.client.redis_writer import connect
from opsctl.drills.measure import measure
from opsctl.drills.program import ARGV, message, program, schemes
from opsctl.errors import OpsError


@pytest.fixture
def fake() -> Iterator[FakeResp]:
    with fake_resp() as one:
        yield one


def for_a_while(seconds: float) -> None:
    """A fault lasts for a length of time: that is its nature, not a wait for something."""
    time.sleep(seconds)


def test_what_is_written_is_found_and_nothing_stays(fake: FakeResp) -> None:
    fake.password = b"s3cret"
    found = through(fake.port, lambda: None, user="app", password="s3cret", **PATIENT)
    measured = measure(found)
    assert (found.outcome, measured.acknowledged, measured.gaps) == ("served", measured.due, ())
    assert measured.fates is not None
    assert (measured.fates.lost, measured.fates.strangers) == (0, 0)
    assert fake.lists == {}
    assert found.cleaned
    assert [b"EXPIRE", b"opsctl-drill:r1:0", b"3600"] in fake.asked
    assert [b"AUTH", b"app", b"s3cret"] in fake.asked


def test_the_schedule_is_kept_through_an_outage_and_each_number_is_sent_once(
    fake: FakeResp,
) -> None:
    def hang() -> None:
        fake.silent = True
        for_a_while(0.7)
        fake.silent = False

    found = through(fake.port, hang)
    assert [one.seq for one in found.attempts] == list(range(len(found.attempts)))
    assert all(one.due == pytest.approx(one.seq * 0.005, abs=1e-4) for one in found.attempts)
    pushed = Counter(words[2] for words in fake.asked if words[0] == b"RPUSH")
    assert set(pushed.values()) == {1}
    longest = measure(found).longest
    assert longest is not None
    assert longest.seconds > 0.6


def test_an_answer_that_never_came_leaves_the_write_in_doubt(fake: FakeResp) -> None:
    def deafen() -> None:
        fake.deaf = True
        for_a_while(0.5)
        fake.deaf = False

    fates = measure(through(fake.port, deafen)).fates
    assert fates is not None
    assert fates.unanswered >= 1
    assert (fates.unanswered_written, fates.lost) == (fates.unanswered, 0)


def test_a_server_that_only_reads_is_left_for_another_connection(fake: FakeResp) -> None:
    def demote() -> None:
        fake.refusal = b"READONLY You can't write against a read only replica."
        for_a_while(0.4)
        fake.refusal = b""

    before = fake.connections
    found = through(fake.port, demote)
    measured = measure(found)
    assert dict(measured.errors)["READONLY"] > 3
    assert measured.unanswered == 0
    assert fake.connections - before > 4
    assert measured.fates is not None
    assert measured.fates.refused_written == 0


def test_acknowledged_writes_that_vanish_are_counted(fake: FakeResp) -> None:
    def lose() -> None:
        del fake.lists[b"opsctl-drill:r1:0"][10:15]

    fates = measure(through(fake.port, lose, **PATIENT)).fates
    assert fates is not None
    assert (fates.lost, fates.lost_first[0]) == (5, (0, 10))


def test_a_route_that_never_serves_gives_no_result() -> None:
    with fake_resp() as gone:
        port = gone.port
    with client(port, patience=0.4) as one, pytest.raises(OpsError, match="never served"):
        one.await_ready()


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$99999999999\r\n", b":x\r\n", b"\r\n"]
)
def test_a_server_of_another_kind_serves_nothing(fake: FakeResp, said: bytes) -> None:
    fake.raw = said
    with client(fake.port, patience=0.4) as one:
        found = one.document()
    assert found.outcome == "never-served"


def test_a_wrong_password_is_named_and_not_repeated(fake: FakeResp) -> None:
    fake.password = b"right"
    with client(fake.port, patience=0.4, user="app", password="wr0ng-one") as one:
        found = one.document()
    assert found.attempts[0].kind == "connect: WRONGPASS"
    assert "wr0ng-one" not in repr(found)


def test_the_machine_of_the_client_standing_still_is_on_record(fake: FakeResp) -> None:
    with client(fake.port, duration=1.0) as one:
        one.await_ready()
        os.kill(one.process.pid, signal.SIGSTOP)
        for_a_while(0.3)
        os.kill(one.process.pid, signal.SIGCONT)
        found = one.document()
    assert any(seconds > 0.2 for _, seconds in found.stalls)
    longest = measure(found).longest
    assert longest is not None
    assert longest.stalled > longest.seconds / 2


def test_a_client_told_to_end_still_gives_its_record(fake: FakeResp) -> None:
    with client(fake.port, duration=60.0) as one:
        one.await_ready()
        one.process.send_signal(signal.SIGTERM)
        found = one.document()
    fates = measure(found).fates
    assert fates is not None
    assert fates.lost == 0


def test_several_writers_have_a_key_each(fake: FakeResp) -> None:
    found = through(fake.port, lambda: None, writers=3, **PATIENT)
    assert {one.writer for one in found.attempts} == {0, 1, 2}
    assert found.read_back is not None
    assert all(back == tuple(sorted(back)) and back for back in found.read_back)


def test_a_reading_client_writes_nothing(fake: FakeResp) -> None:
    found = through(fake.port, lambda: None, mode="read", **PATIENT)
    assert found.read_back is None
    assert {words[0] for words in fake.asked} == {b"EXISTS"}
    assert measure(found).acknowledged == len(found.attempts) > 20


def test_an_answer_that_arrives_in_pieces_is_put_together() -> None:
    async def talk() -> list[int]:
        async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"LRANGE")
            for byte in b"*3\r\n$1\r\n1\r\n$-1\r\n$2\r\n22\r\n":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)

        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        one = await connect(Settings("127.0.0.1", port, "r1"), 0)
        found = await one.read_all()
        one.close()
        server.close()
        return found

    assert asyncio.run(talk()) == [1, 22]


def test_a_refusal_leaves_the_answers_in_step(fake: FakeResp) -> None:
    async def talk() -> list[int]:
        one = await connect(Settings("127.0.0.1", fake.port, "r1"), 0)
        fake.refusal = b"OOM command not allowed"
        with pytest.raises(Refused, match="OOM"):
            await one.write(1)  # two commands, two refusals
        fake.refusal = b""
        await one.write(2)
        found = await one.read_all()
        one.close()
        return found

    assert asyncio.run(talk()) == [2]


def test_the_program_is_one_plain_text_that_holds_no_password() -> None:
    source = program("redis")
    assert source.isascii()
    compile(source, "client", "exec")
    assert len(source) < 100_000
    sent = message("redis", {"password": "p4ss"})
    assert sent.endswith('{"password": "p4ss"}\n')
    assert "p4ss" not in " ".join(ARGV) + source


def test_the_program_uses_nothing_but_the_library(tmp_path: Path) -> None:
    """-S leaves out site-packages, -I the folder and the environment's paths."""
    argv = [sys.executable, *ARGV[1:]]
    ended = subprocess.run(
        argv, input=message("redis", {}), text=True, capture_output=True, cwd=tmp_path, timeout=20
    )
    assert "settings unknown: [], missing: ['host', 'port', 'run']" in ended.stderr


def test_a_scheme_that_nobody_speaks_is_an_error_with_those_known() -> None:
    assert schemes() == ("redis",)
    with pytest.raises(OpsError, match=r"drills/no-client.*drills know: redis"):
        program("gopher")


def test_a_setting_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="perid"):
        Settings.of({"host": "h", "port": 1, "run": "r", "perid": 1})
