"""What balancers are told, judged by the programs themselves."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest

from opsctl.engines.haproxy.config import quoted
from opsctl.engines.haproxy.paces import election
from opsctl.engines.redis.presets import PRESETS
from opsctl.errors import SpecError
from opsctl.routes.external import _TIMING
from opsctl.workload import Text
from routes_world import (
    EDGE,
    PLAIN,
    REPLICATION,
    SESSIONS,
    SHARED,
    SPLIT,
    described,
    environment,
    files,
)


@pytest.mark.parametrize("routes", [SHARED, SPLIT, PLAIN])
def test_every_script_is_one_that_a_plain_shell_reads(routes: dict[str, Any]) -> None:
    scripts = {name: text for name, text in files(routes).items() if name.endswith(".sh")}
    assert scripts
    for name, text in scripts.items():
        said = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
        assert said.returncode == 0, f"{name}: {said.stderr}"


def test_a_secret_stands_nowhere_but_in_what_is_sent() -> None:
    for name, text in files(SHARED).items():
        for line in text.splitlines():
            if "TopSecret" in line:
                assert name == "haproxy.cfg"
                assert line.strip().startswith('tcp-check send "AUTH opsctl-route ')


def test_files_with_secrets_are_not_for_everybody() -> None:
    workload = described(environment(SHARED))["edge"]
    for component in workload.member("edge-0").components:
        assert all(file.mode in ("0640", "0750") for file in component.files)


def test_what_haproxy_reads_itself_is_escaped() -> None:
    assert quoted(Text(('a"b$c\\d\r\n',))) == r'"a\"b\$c\\d\r\n"'


@pytest.mark.parametrize("name", ["fast", "normal", "safe"])
def test_a_silent_primary_is_dropped_before_sentinel_can_replace_it(name: str) -> None:
    timing = PRESETS[name].timing
    assert timing.worst < timing.silence == PRESETS[name].down_after / 1000


@pytest.mark.parametrize("timing", [*(one.timing for one in PRESETS.values()), *_TIMING.values()])
def test_a_member_passes_for_longer_than_votes_can_be_old(timing: Any) -> None:
    votes = election(timing)
    assert votes.delay > votes.stale
    assert round(votes.delay - votes.interval, 6) <= votes.stale  # and no longer than it must


def test_every_server_is_down_until_it_was_asked() -> None:
    made = files(SHARED)
    servers = [
        (backend, line.split()[1])
        for section in made["haproxy.cfg"].split("\nbackend ")[1:]
        for backend in [section.split()[0]]
        for line in section.splitlines()
        if line.startswith("    server ")
    ]
    rows = [line.split() for line in made["unasked.state"].splitlines()[2:]]
    assert [(row[1], row[3]) for row in rows] == servers
    assert {row[5] for row in rows} == {"0"}


def test_a_primary_is_agreed_on_by_a_majority_and_a_replica_by_nobody() -> None:
    text = files(SHARED)["haproxy.cfg"]
    assert text.count("{ nbsrv(votes:sessions:") == 3
    assert "{ path /votes/sessions/sessions-1 } { nbsrv(votes:sessions:sessions-1) ge 2 }" in text
    assert "votes:read" not in text


def test_without_sentinels_there_are_no_votes() -> None:
    assert "votes:" not in files(SHARED, sessions=REPLICATION)["haproxy.cfg"]


def test_a_pool_without_floating_addresses_has_no_keepalived() -> None:
    workload = described(environment({"r": {"to": "sessions", "port": 7000}}))["edge"]
    assert [part.name for part in workload.member("edge-0").components] == ["haproxy"]
    assert workload.member("edge-0").component("haproxy").command.before_stop == ()


def test_priorities_turn_from_address_to_address() -> None:
    for member, expected in (("edge-0", [200, 199]), ("edge-1", [199, 200])):
        text = files(SPLIT, member)["keepalived.conf"]
        assert [int(found) for found in re.findall(r"priority (\d+)", text)] == expected


def test_a_version_that_a_system_does_not_have_is_refused() -> None:
    spec = environment(SHARED, {"sessions": SESSIONS, "edge": {**EDGE, "version": "3.0"}})
    with pytest.raises(SpecError) as error:
        described(spec, system="debian-12")
    assert error.value.code == "haproxy/no-version"
    assert described(spec, system="debian-13")


def test_a_pool_is_told_by_its_lanes_what_each_costs() -> None:
    notes = described(environment(SHARED))["edge"].notes
    assert any("10.77" not in note and "moves an address within 4 s" in note for note in notes)
    assert any("2 of 3 voters" in note for note in notes)
