"""The lock of hosts: a majority grants it, and nobody waits for the dead again and again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from opsctl.errors import OpsError
from opsctl.ports import OUT_OF_REACH, Fence, Secrets
from opsctl.targets.hosts.agents import Agents
from opsctl.targets.hosts.locking import Lock
from opsctl.targets.hosts.ssh import Said
from opsctl.targets.hosts.values import Env, Host, SshOptions

DOWN = Said(255, b"", "ssh: connect to host n: Connection timed out", 0.0, 0.0)


class Hosts:
    """Hosts that grant every lock, and which of them were asked, turn by turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        names = [f"n{number}" for number in range(count)]
        self.down: set[str] = set()
        self.turns: list[list[str]] = []
        hosts = {name: Host(name) for name in names}
        secrets = cast("Secrets", None)
        self.agents = Agents("dc", Env("shop", "shop"), hosts, SshOptions(), secrets)
        monkeypatch.setattr(Agents, "_run", lambda _, *given: self._run(*given))

    def _run(self, requests: Mapping[str, Any], *_: float) -> dict[str, Said]:
        self.turns.append(sorted(requests))
        answer = {"facts": {"clock": "0"}, "lock": {"granted": True}}
        up = Said(0, json.dumps(answer).encode(), "", 0.0, 0.0)
        return {name: DOWN if name in self.down else up for name in requests}


def test_a_host_that_the_look_did_not_reach_is_not_waited_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts = Hosts(monkeypatch, 3)
    hosts.down = {"n2"}
    hosts.agents.silent.add("n2")
    lock = Lock(hosts.agents)
    fence = lock.acquire("ann", 60)
    lock.renew(fence, 60)
    lock.release(fence)
    assert hosts.turns == [["n0", "n1"]] * 3


def test_where_the_majority_hangs_on_silent_hosts_they_are_asked_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts = Hosts(monkeypatch, 3)
    hosts.agents.silent.update(("n1", "n2"))
    hosts.down = {"n2"}
    lock = Lock(hosts.agents)
    fence = lock.acquire("ann", 60)
    assert hosts.turns == [["n0"], ["n1", "n2"]]
    assert hosts.agents.silent == {"n2"}
    lock.release(fence)
    assert hosts.turns[-1] == ["n0", "n1"]


def test_silence_lends_no_grant(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = Hosts(monkeypatch, 3)
    hosts.down = {"n1", "n2"}
    hosts.agents.silent.update(("n1", "n2"))
    with pytest.raises(OpsError, match="1 of 3 hosts answer, 2 are needed"):
        Lock(hosts.agents).acquire("ann", 60)
    with pytest.raises(OpsError, match="too few hosts answer"):
        Lock(hosts.agents).renew(Fence(1, "ann"), 60)


def test_a_lock_that_nobody_answers_for_is_not_lost_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = Hosts(monkeypatch, 3)
    lock = Lock(hosts.agents)
    fence = lock.acquire("ann", 60)
    hosts.down = {"n0", "n1", "n2"}
    with pytest.raises(OpsError) as error:
        lock.renew(fence, 60)
    assert error.value.code == OUT_OF_REACH
