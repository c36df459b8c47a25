"""A log that is followed while connections and containers come and go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cluster_edge import Edge, Reply, Request
from opsctl.targets.kubernetes import following
from opsctl.targets.kubernetes.following import Log, print_log

LOG = Log("db-0-0", "redis", 5, follow=True)


@dataclass
class Node:
    """What a container says in one stream after the other, and the time. `dies`: the stream at
    whose end the container does too; its node tells so three seconds later."""

    streams: list[bytes]
    dies: int = -1
    now: float = 100.0
    died: float | None = None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def reply(self, request: Request) -> Reply:
        if request.path.endswith("/log"):
            return 200, b""
        gone = self.died is not None and self.now > self.died + 3
        state = {"terminated": {}} if gone else {"running": {}}
        status = {"name": "redis", "containerID": "c1", "state": state}
        if self.died is not None and self.now > self.died + 20:
            status |= {"containerID": "c2", "state": {"running": {}}}
        return 200, {"metadata": {}, "status": {"containerStatuses": [status]}}


class Streaming(Edge):
    """Answers that come piece by piece are of the node's next stream."""

    def __init__(self, node: Node) -> None:
        super().__init__(node.reply)
        self.node = node

    def request(self, verb: str, url: str, **more: Any) -> Any:
        answer = super().request(verb, url, body=more.get("body"))
        return Piecewise(self.node) if "preload_content" in more else answer


class Piecewise:
    status = 200

    def __init__(self, node: Node) -> None:
        self.node = node

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        if not self.node.streams:
            raise KeyboardInterrupt
        yield self.node.streams.pop(0)
        if len(self.node.streams) == self.node.dies:
            self.node.died = self.node.now


def followed(node: Node, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> tuple[bytes, str, Edge]:
    edge, said = Streaming(node), bytearray()

    def write(_file: int, data: bytes) -> int:
        said.extend(data)
        return len(data)

    monkeypatch.setattr(following, "time", node)
    monkeypatch.setattr(following.os, "write", write)
    with pytest.raises(KeyboardInterrupt):
        print_log(edge.api(), LOG)
    return bytes(said), capsys.readouterr().err, edge


def test_a_stream_that_breaks_off_is_taken_up_while_its_container_runs_on(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    said, aside, edge = followed(Node([b"one\n", b"two\n"]), monkeypatch, capsys)
    assert (said, aside) == (b"one\ntwo\n", "")
    last = [one.query for one in edge.seen if "follow" in one.query][-1]
    assert int(last["sinceSeconds"][0]) >= 1  # what was said meanwhile is not missing


def test_a_container_that_ended_is_followed_by_its_next(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    said, aside, edge = followed(Node([b"one\n", b"two\n"], dies=1), monkeypatch, capsys)
    assert said == b"one\ntwo\n"
    assert aside == "db-0-0: redis has ended; waiting for the next\n"
    followed_by = [one.query for one in edge.seen if "follow" in one.query]
    assert "sinceSeconds" not in followed_by[1]
