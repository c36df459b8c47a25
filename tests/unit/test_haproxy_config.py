"""What balancers are told, judged by the programs themselves."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from opsctl.engines.haproxy import HAProxyService
from opsctl.engines.haproxy.config import quoted
from opsctl.engines.haproxy.paces import PACES, election
from opsctl.engines.haproxy.pool import Pool
from opsctl.engines.haproxy.reach import claims
from opsctl.engines.redis.presets import PRESETS
from opsctl.errors import SpecError
from opsctl.routes import directory
from opsctl.routes.external import _TIMING
from opsctl.workload import Lane, Text
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
        # Of the others it is only asked whether they are there.
        if not backend.startswith(("voters:", "opsctl:balancers"))
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


def test_an_address_stays_while_a_majority_of_voters_or_every_other_balancer_is_in_reach() -> None:
    first = files(SHARED)["haproxy.cfg"]
    assert (
        "if { path /reach/10.77.0.100 } { nbsrv(voters:sessions) lt 1 } "
        "{ nbsrv(opsctl:balancers) lt 1 }\n"
    ) in first
    assert servers(first, "voters:sessions") == ["sessions-1", "sessions-2"]
    assert servers(first, "opsctl:balancers") == ["edge-1"]
    last = files(SHARED, "edge-2", edge={**EDGE, "replicas": 3})["haproxy.cfg"]
    assert "{ nbsrv(voters:sessions) lt 1 } { nbsrv(opsctl:balancers) lt 2 }\n" in last
    assert servers(last, "voters:sessions") == ["sessions-0", "sessions-1"]


def servers(text: str, backend: str) -> list[str]:
    section = text.split(f"\nbackend {backend}\n")[1].partition("\n\n")[0]
    return re.findall(r"^    server (\S+) .* check$", section, re.MULTILINE)


def test_a_server_whose_name_can_not_be_looked_up_any_more_stays_where_it_was() -> None:
    text = files(PLAIN)["haproxy.cfg"].partition("\nresolvers system\n")[2].partition("\n\n")[0]
    held = dict(re.findall(r"^    hold (\w+) (\w+)$", text, re.MULTILINE))
    # Left out, each of these is 30 s, and then the server is in maintenance.
    assert held == {"valid": "5s", **dict.fromkeys(("nx", "refused", "timeout", "other"), "20d")}


def test_only_an_address_whose_primary_is_voted_for_can_be_of_no_use() -> None:
    text = files(SPLIT)["keepalived.conf"]
    assert re.findall(r"vrrp_script (reach-\S+)", text) == ["reach-10.77.0.100"]
    ours, others = (text.split(f"vrrp_instance {one} ")[1].partition("vrrp_instance")[0]
                    for one in ("10.77.0.100", "fd00:77::100"))  # fmt: skip
    assert "        reach-10.77.0.100\n" in ours
    assert "garp_master_refresh 1\n" in ours
    assert "reach" not in others
    assert "    garp_master_refresh" not in others


@pytest.mark.parametrize(
    ("routes", "services"),
    [
        (SHARED, {"sessions": REPLICATION}),  # a last survivor serves
        (SHARED, {"edge": {**EDGE, "replicas": 1}}),  # there is nobody who could do better
        (PLAIN, {}),  # clients know every balancer
    ],
)
def test_a_balancer_that_nobody_could_take_the_place_of_gives_nothing_up(
    routes: dict[str, Any], services: dict[str, Any]
) -> None:
    made = files(routes, **services)
    assert "reach.sh" not in made
    assert not any("reach" in made.get(name, "") for name in ("haproxy.cfg", "keepalived.conf"))


def test_voters_on_the_balancer_s_own_host_are_always_in_reach() -> None:
    spec = environment(SHARED)
    work, service = described(spec), spec.services["edge"]
    assert isinstance(service, HAProxyService)
    found = directory(spec, "edge", work)
    lane = next(one for one in found.lanes if one.name == "sessions")
    first, second, third = lane.entry.backends
    moved = (first, replace(second, node="n1"), third)
    crowded = replace(lane, entry=replace(lane.entry, backends=moved))
    seats = tuple(member.seat for member in work["edge"].members())

    def missing(known: Lane, node: str) -> list[int]:
        pool = Pool("edge", service, seats, replace(found, lanes=(known,)))
        seat = replace(seats[0], node=node)
        return [one.missing for claim in claims(pool, seat) for one in claim.electorates]

    assert missing(lane, "n9") == [2]  # a host without voters: two of three
    assert missing(lane, "n1") == [1]
    assert missing(crowded, "n1") == []  # a majority is here
    assert missing(crowded, "n3") == [1]


def test_a_cut_off_balancer_bears_the_stalls_that_its_others_bear() -> None:
    text = files(SHARED, edge={**EDGE, "failover": "fast"})["haproxy.cfg"]
    section = text.split("\nbackend voters:sessions\n")[1]
    assert "timeout connect 300ms\n    default-server inter 300ms fall 2 rise 1\n" in section
    assert "advert_int 0.3\n" in files(SHARED, edge={**EDGE, "failover": "fast"})["keepalived.conf"]
    assert round(PACES["fast"].alone, 3) == 2.2


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
    assert any("gives up 10.77.0.100 within 5 s" in note for note in notes)
