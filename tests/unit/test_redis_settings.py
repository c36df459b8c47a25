"""Native settings: the table is the servers' own, values take the servers' own form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from redis_world import described

from opsctl.engines.redis import ENGINE, VALKEY, RedisEngine, RedisService
from opsctl.engines.redis.settings import SETTINGS
from opsctl.engines.redis.settings_table import MANAGED
from opsctl.errors import SpecError
from opsctl.workload import Answer, Object, Workload

ANSWERS = Path(__file__).parent / "redis_answers"
SERVERS = [
    ("redis-7.0", ENGINE, "debian-12"),
    ("redis-8.0", ENGINE, "debian-13"),
    ("valkey-8.1", VALKEY, "debian-13"),
]


def _service(**keys: object) -> RedisService:
    return RedisService(engine="redis", on="dc", replicas=3, **keys)  # type: ignore[arg-type]


def _object(workload: Workload, kind: str, component: str) -> Object:
    return next(
        item for item in workload.objects if (item.kind, item.component) == (kind, component)
    )


@pytest.mark.parametrize(
    ("name", "value", "normal"),
    [
        ("maxmemory-policy", "ALLKEYS-LRU", "allkeys-lru"),
        ("activedefrag", True, "yes"),
        ("activedefrag", "no", "no"),
        ("client-query-buffer-limit", "1gb", "1073741824"),
        ("client-query-buffer-limit", "1k", "1000"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-clients", "64mb", "67108864"),
        ("timeout", 300, "300"),
        ("save", "3600  1   300 100", "3600 1 300 100"),
        ("save", (3600, 1, "300 100"), "3600 1 300 100"),
        ("save", "", ""),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "Knx", "xnK"),
        ("notify-keyspace-events", "g$lshzxetdnK", "AK"),
        (
            "client-output-buffer-limit",
            "replica 512mb 128mb 60",
            "normal 0 0 0 slave 536870912 134217728 60 pubsub 33554432 8388608 60",
        ),
    ],
)
def test_values_take_the_form_that_config_get_shows(
    name: str, value: str | int | bool | tuple[str | int, ...], normal: str
) -> None:
    assert SETTINGS[name].normal(value) == normal


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("timeout", "5m", "whole number"),
        ("activedefrag", "maybe", "yes or no"),
        ("maxmemory-policy", "lru", "volatile-lru"),
        ("client-query-buffer-limit", "1GiB", "such as 64mb"),
        ("save", "3600", "pairs"),
        ("client-output-buffer-limit", "slow 1mb 1mb 60", 'no class "slow"'),
        ("notify-keyspace-events", "K?", 'no class "?"'),
    ],
)
def test_a_value_that_cannot_be_says_what_is_wanted(name: str, value: str, words: str) -> None:
    with pytest.raises(ValidationError, match="spec/value") as caught:
        _service(settings={name: value})
    (error,) = caught.value.errors()
    assert error["type"] == "spec/value"
    assert words in error["msg"]


def test_an_unknown_setting_is_refused_with_the_likely_one() -> None:
    with pytest.raises(ValidationError) as caught:
        _service(settings={"maxmemory-polcy": "allkeys-lru"})
    (error,) = caught.value.errors()
    assert error["type"] == "spec/unknown-setting"
    assert error["ctx"]["hint"] == 'did you mean "maxmemory-policy"?'
    assert error["ctx"]["keys"] == ("settings", "maxmemory-polcy")


@pytest.mark.parametrize("name", sorted(MANAGED))
def test_opsctls_own_settings_are_refused_with_the_way_out(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _service(settings={name: "x"})
    (error,) = caught.value.errors()
    assert error["type"] == "spec/managed-setting"
    assert error["ctx"]["hint"]


def test_every_default_is_in_its_normal_form() -> None:
    for setting in SETTINGS.values():
        if setting.default not in ("?", ""):
            assert setting.normal(setting.default) == setting.default


def test_a_setting_is_either_known_or_opsctls_own() -> None:
    assert not SETTINGS.keys() & MANAGED.keys()


def recorded(label: str, kind: str, component: str) -> Answer:
    """What users.sh gives of it: lines of the client's own are marked there."""
    said = (ANSWERS / f"{label}-{kind}-{component}.txt").read_text()
    return Answer(0, said if kind == "users" else re.sub("^", "= ", said, flags=re.MULTILINE))


@pytest.mark.parametrize(("label", "engine", "system"), SERVERS)
def test_a_fresh_server_of_each_version_differs_in_nothing(
    label: str, engine: RedisEngine, system: str
) -> None:
    """Answers are what the real servers said after opsctl's description had started them."""
    workload = described(engine=engine, system=system, failover="fast")
    for kind, component in (("settings", "redis"), ("settings", "sentinel"), ("users", "redis"),
                            ("users", "sentinel")):  # fmt: skip
        wanted = _object(workload, kind, component)
        found = wanted.read.parse(recorded(label, kind, component))
        assert found is not None
        assert {key: found.get(key) for key in wanted.desired} == dict(wanted.desired)


def test_any_config_set_by_hand_is_seen() -> None:
    wanted = _object(described(), "settings", "redis")
    said = recorded("redis-8.0", "settings", "redis").stdout
    found = wanted.read.parse(Answer(0, said.replace("= timeout\n= 0\n", "= timeout\n= 7\n")))
    assert found is not None
    assert [key for key in wanted.desired if found.get(key) != wanted.desired[key]] == ["timeout"]


def test_settings_are_set_in_one_command_so_that_the_server_takes_all_or_none() -> None:
    wanted = _object(described(), "settings", "redis")
    call = wanted.write({"maxmemory": "1", "save": "", "proc-title-template": 'a "b"'})
    assert call.stdin.fill(lambda _: "secret").splitlines() == [
        "AUTH opsctl secret",
        r'CONFIG SET maxmemory "1" proc-title-template "a \"b\"" save ""',
    ]
    said = "OK\nERR CONFIG SET failed (possibly related to argument 'maxmemory') - too small\n"
    assert call.refused(Answer(0, said)).startswith("ERR CONFIG SET failed")


def test_a_setting_of_another_version_is_refused_before_anything_runs() -> None:
    with pytest.raises(SpecError, match=r"7\.0 has no setting"):
        described(system="debian-12", settings={"set-max-listpack-value": 32})
    assert described(system="debian-13", settings={"set-max-listpack-value": 32})


def test_live_settings_never_restart_and_the_others_do() -> None:
    workload = described(settings={"maxmemory-policy": "allkeys-lru", "io-threads": 4})
    files = {
        file.path.rpartition("/")[2]: file
        for file in workload.member("shop-0").component("redis").files
    }
    assert files["static.conf"].effect == "restart"
    assert files["live.conf"].effect == "none"
    assert 'io-threads "4"' in files["static.conf"].text.fill(lambda _: "")
    assert 'maxmemory-policy "allkeys-lru"' in files["live.conf"].text.fill(lambda _: "")
