"""The lock of hosts: a majority grants it, and nobody waits for the dead again and again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, cast

import pytest

from opsctl.errors import OpsError
from opsctl.ports import OUT_OF_REACH, Fence, Secrets
from opsctl.targets.hosts import ssh
from opsctl.targets.hosts.agents import Agents
from opsctl.targets.hosts.locking import Lock
from opsctl.targets.hosts.ssh import Said
from opsctl.targets.hosts.values import Env, Host, SshOptions

DOWN = Said(255, b"", "ssh: connect to host n: Connection timed out", 0.0, 0.0)


class Hosts:
    """Hosts that grant every lock that has not run out on them, and which of them were asked, turn
    by turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        names = [f"n{number}" for number in range(count)]
        self.down: set[str] = set()
        self.then_down: set[str] = set()  # once they were asked who has it
        self.ran_out: set[str] = set()
        self.released = False
        self.turns: list[list[str]] = []
        hosts = {name: Host(name) for name in names}
        secrets = cast("Secrets", None)
        self.agents = Agents("dc", Env("shop", "shop"), hosts, SshOptions(), secrets)
        monkeypatch.setattr(Agents, "_run", lambda _, *given: self._run(*given))

    def _run(self, requests: Mapping[str, Any], *_: float) -> dict[str, Said]:
        self.turns.append(sorted(requests))
        if all(asked["lock"]["verb"] != "head" for asked in requests.values()):
            self.down |= self.then_down
        return {
            name: DOWN if name in self.down else self._said(name, asked["lock"])
            for name, asked in requests.items()
        }

    def _said(self, name: str, asked: Mapping[str, Any]) -> Said:
        lock: dict[str, Any] = {"granted": True}
        if asked["values"].get("again"):
            self.ran_out.discard(name)
        if asked["verb"] == "renew" and name in self.ran_out:
            held = {"token": 1, "holder": "ann", "since": 0.0, "expires": 60.0, "highest": 1}
            lock = {"granted": False, "ran_out": True, **held, "now": 61.0}
        if asked["verb"] == "renew" and self.released:
            lock = {"granted": False, "token": 0, "highest": 2, "now": 1.0}
        answer = {"facts": {"clock": "0"}, "lock": lock}
        return Said(0, json.dumps(answer).encode(), "", 0.0, 0.0)


def held(monkeypatch: pytest.MonkeyPatch, count: int) -> tuple[Hosts, Lock, Fence]:
    """Hosts of which Ann has the lock."""
    hosts = Hosts(monkeypatch, count)
    lock = Lock(hosts.agents)
    return hosts, lock, lock.acquire("ann", 60)


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


def test_a_host_that_hangs_is_not_waited_for_once_most_have_renewed_and_keeps_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = json.dumps({"facts": {"clock": "0"}, "lock": {"granted": True}})
    says = {"n0": f"echo '{answer}'", "n1": f"echo '{answer}'", "n2": "sleep 60"}
    monkeypatch.setattr(
        Agents, "_command", lambda _, name: ["sh", "-c", f"cat >/dev/null; {says[name]}"]
    )
    dropped: list[str] = []
    monkeypatch.setattr(ssh, "forget", lambda host, _: dropped.append(host.address))
    secrets = cast("Secrets", None)
    agents = Agents("dc", Env("shop", "shop"), {n: Host(n) for n in says}, SshOptions(), secrets)
    began = time.monotonic()
    Lock(agents).renew(Fence(1, "ann"), 6)
    assert time.monotonic() - began < 15
    assert dropped == []  # a change may go on over it


def test_a_lock_that_most_hosts_do_not_give_up_is_not_called_released(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts = Hosts(monkeypatch, 3)
    hosts.then_down = {"n1", "n2"}
    with pytest.raises(OpsError, match="1 of 3 hosts answer, 2 are needed"):
        Lock(hosts.agents).take("somebody: it hangs")


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
    hosts, lock, fence = held(monkeypatch, 3)
    hosts.down = {"n0", "n1", "n2"}
    with pytest.raises(OpsError) as error:
        lock.renew(fence, 60)
    assert error.value.code == OUT_OF_REACH


def test_a_lock_that_ran_out_is_lost_because_others_saw_meanwhile_that_nobody_had_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts, lock, fence = held(monkeypatch, 3)
    hosts.ran_out = {"n0", "n1"}
    with pytest.raises(OpsError, match="not renewed in time and ran out") as error:
        lock.renew(fence, 60)
    assert error.value.code == "lock/lost"
    assert hosts.ran_out == {"n0", "n1"}  # nobody took it up again


def test_a_host_that_was_away_takes_the_lock_up_again_that_most_have_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts, lock, fence = held(monkeypatch, 3)
    hosts.ran_out = {"n2"}
    lock.renew(fence, 60)
    assert hosts.ran_out == set()
    assert hosts.turns[-1] == ["n2"]


def test_a_lock_that_ran_out_on_a_host_is_not_lost_while_most_may_have_it_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A host comes back after too long, and another one is away for a moment."""
    hosts, lock, fence = held(monkeypatch, 3)
    hosts.ran_out, hosts.down = {"n0"}, {"n1"}
    with pytest.raises(OpsError, match="too few hosts answer") as error:
        lock.renew(fence, 60)
    assert error.value.code == OUT_OF_REACH
    hosts.down = set()
    lock.renew(fence, 60)
    assert hosts.ran_out == set()


def test_a_lock_of_two_hosts_that_ran_out_on_one_of_them_is_lost_though_the_other_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts, lock, fence = held(monkeypatch, 2)
    hosts.ran_out, hosts.down = {"n0"}, {"n1"}
    with pytest.raises(OpsError, match="ran out") as error:
        lock.renew(fence, 60)
    assert error.value.code == "lock/lost"


def test_a_lock_that_somebody_released_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts, lock, fence = held(monkeypatch, 3)
    hosts.released = True
    with pytest.raises(OpsError, match="somebody released it") as error:
        lock.renew(fence, 60)
    assert error.value.code == "lock/lost"
