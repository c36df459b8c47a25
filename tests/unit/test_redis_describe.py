"""What the engine says of a service, mode by mode."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError
from redis_world import described, file_of, filled, seats

from opsctl.data import renderer
from opsctl.engines.redis import ENGINE, VALKEY, RedisService
from opsctl.engines.redis.cast import SENTINEL
from opsctl.engines.redis.users import SENTINEL as SENTINEL_USER
from opsctl.errors import SpecError
from opsctl.workload import Directory, SecretRef

MIB = 1024**2


def _service(**keys: object) -> RedisService:
    return RedisService(engine="redis", on="dc", **keys)  # type: ignore[arg-type]


def test_in_sentinel_mode_a_sentinel_starts_before_its_server() -> None:
    for member in described().members():
        assert [part.name for part in member.components] == ["sentinel", "redis"]


def test_in_replication_mode_there_is_no_sentinel_anywhere() -> None:
    workload = described(mode="replication")
    assert [part.name for part in workload.member("shop-0").components] == ["redis"]
    assert {item.component for item in workload.objects} == {"redis"}
    assert "sentinel" not in file_of(workload, "shop-0", "users.acl")


def test_ports_are_preferred_unless_a_person_wrote_them() -> None:
    (free,) = ENGINE.needs(_service(replicas=3))
    assert (dict(free.ports), free.fixed) == ({"redis": 6379, "sentinel": 26379}, frozenset())
    (fixed,) = ENGINE.needs(_service(replicas=3, port=7000))
    assert (fixed.ports["redis"], fixed.fixed) == (7000, {"redis"})
    (plain,) = ENGINE.needs(_service(replicas=2, mode="replication"))
    assert dict(plain.ports) == {"redis": 6379}


def test_the_servers_own_file_is_seeded_and_read_before_the_managed_ones() -> None:
    redis = described().member("shop-1").component("redis")
    assert redis.command.argv == (
        "redis-server",
        "/var/lib/opsctl/shop-1/redis.conf",
        "--include", "/etc/opsctl/shop-1/static.conf",
        "--include", "/etc/opsctl/shop-1/replication.conf",
        "--include", "/etc/opsctl/shop-1/live.conf",
    )  # fmt: skip
    seeded = [file for file in redis.files if file.life == "seeded"]
    assert [file.path for file in seeded] == ["/var/lib/opsctl/shop-1/redis.conf"]
    assert "replicaof 10.0.0.1 6379" in file_of(described(), "shop-1", "redis.conf")
    assert "replicaof" not in file_of(described(), "shop-0", "redis.conf")


def test_only_what_a_start_takes_in_restarts() -> None:
    restarting = {
        file.path.rpartition("/")[2]
        for part in described().member("shop-0").components
        for file in part.files
        if file.life == "managed" and file.effect == "restart"
    }
    assert restarting == {"static.conf", "sentinel-static.conf", "sentinel-auth.conf"}


def test_nobody_is_anonymous() -> None:
    for name in ("users.acl", "sentinel-users.acl"):
        lines = file_of(described(), "shop-0", name).splitlines()
        assert lines[0] == "user default off sanitize-payload resetchannels -@all"
        assert all("nopass" not in line for line in lines)
        assert all(" on sanitize-payload #<sha256 shop/user/" in line for line in lines[1:])


def test_the_least_spec_has_one_user_for_applications() -> None:
    line = file_of(described(), "shop-0", "users.acl").splitlines()[-1]
    assert line == (
        "user app on sanitize-payload #<sha256 shop/user/app> "
        "~* &* +@all -@admin -@dangerous +info +role"
    )


def test_users_get_their_keys_channels_commands_and_given_password() -> None:
    users = [
        {
            "name": "web",
            "keys": "session:* %R~shared:*",
            "channels": "news:*",
            "commands": "+@read +set -keys",
            "password": {"secret": "web-password"},
        }
    ]
    workload = described(users=users)
    assert file_of(workload, "shop-0", "users.acl").splitlines()[-1] == (
        "user web on sanitize-payload #<sha256 web-password> "
        "~session:* %R~shared:* resetchannels &news:* -@all +@read +set -keys"
    )
    assert "+sentinel|get-master-addr-by-name" in file_of(workload, "shop-0", "sentinel-users.acl")


def test_the_default_user_may_be_declared() -> None:
    text = file_of(described(users=[{"name": "default"}]), "shop-0", "users.acl")
    assert "user default off" not in text
    assert "user default on sanitize-payload #<sha256 shop/user/default>" in text


@pytest.mark.parametrize(
    "user",
    [
        {"name": "opsctl"},
        {"name": "opsctl-replica"},
        {"name": "web", "commands": "nopass"},
        {"name": "web", "commands": ">secret"},
        {"name": "a b"},
    ],
)
def test_users_that_would_open_a_door_are_refused(user: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        _service(users=[user])


def test_no_command_line_and_no_readable_file_holds_a_secret() -> None:
    for member in described().members():
        for part in member.components:
            assert "secret" not in " ".join(part.command.argv)
            for file in part.files:
                if file.text.secrets:
                    assert file.mode in ("0640", "0600")
                assert not file.text.secrets or not file.path.endswith(".sh")
    for item in described().objects:
        read = [word for word in item.read.stdin.parts if isinstance(word, SecretRef)]
        assert all(word.form == "sha256" for word in read)


def test_writes_of_users_carry_secrets_on_standard_input_only() -> None:
    item = next(item for item in described().objects if item.kind == "users")
    call = item.write({"app": "", "others": "none"})
    assert call.argv == (
        "sh", "/etc/opsctl/shop-0/users.sh", "write",
        "app", "opsctl", "opsctl-replica", "opsctl-route", "opsctl-sentinel",
    )  # fmt: skip
    assert call.stdin.fill(filled).splitlines() == [
        "<shop/user/opsctl>",
        "app ~* &* +@all -@admin -@dangerous +info +role",
        "ACL SETUSER app reset on sanitize-payload #<sha256 shop/user/app> "
        "~* &* +@all -@admin -@dangerous +info +role",
    ]


def test_logins_come_after_the_users_of_all_members() -> None:
    kinds = [item.kind for item in described().objects]
    assert kinds.index("login") > max(at for at, kind in enumerate(kinds) if kind == "users")


def test_a_sentinel_is_told_at_once_with_what_it_logs_in_to_servers() -> None:
    items = [item for item in described().objects if (item.kind, item.name) == ("login", SENTINEL)]
    assert [item.member for item in items] == ["shop-0", "shop-1", "shop-2"]
    call = items[0].write({SENTINEL_USER: "as in the spec"})
    assert call.stdin.fill(filled).splitlines() == [
        "<shop/user/opsctl>",
        "(servers) as in the spec",
        "SENTINEL SET shop auth-pass <shop/user/opsctl-sentinel>",
    ]


def test_users_beyond_the_spec_are_named() -> None:
    item = next(item for item in described().objects if item.kind == "users")
    from opsctl.workload import Answer

    found = item.read.parse(Answer(0, "app changed by hand\nbob changed by hand\ndefault off\n"))
    assert found == {"app": "changed by hand", "default": "off", "others": "bob"}
    assert item.read.parse(Answer(1, "", "WRONGPASS")) is None


@pytest.mark.parametrize(
    ("count", "quorum", "syncs"), [(1, "1", "1"), (2, "2", "1"), (3, "2", "1"), (5, "3", "2")]
)
def test_sentinels_need_a_majority(count: int, quorum: str, syncs: str) -> None:
    workload = described(count)
    wanted = next(item for item in workload.objects if item.component == "sentinel")
    assert (wanted.desired["quorum"], wanted.desired["parallel-syncs"]) == (quorum, syncs)
    assert workload.groups[0].quorum == int(quorum)


@pytest.mark.parametrize(("preset", "silent"), [("fast", 1000), ("normal", 5000), ("safe", 15000)])
def test_presets_decide_how_long_silence_is_tolerated(preset: str, silent: int) -> None:
    workload = described(failover=preset)
    wanted = next(item for item in workload.objects if item.component == "sentinel")
    assert wanted.desired["down-after-milliseconds"] == str(silent)
    assert f"silent for {silent / 1000:g} s" in " ".join(workload.notes)


@pytest.mark.parametrize(("count", "guard"), [(1, "0"), (2, "0"), (3, "1"), (5, "1")])
def test_writes_want_a_replica_in_touch_from_three_members_on(count: int, guard: str) -> None:
    wanted = next(item for item in described(count).objects if item.name == "redis")
    assert wanted.desired["min-replicas-to-write"] == guard


def test_the_cap_of_the_process_leaves_room_for_a_fork() -> None:
    limits = described(memory="1GiB").member("shop-0").component("redis").limits
    assert limits.memory == 1024 * MIB + 512 * MIB + 64 * MIB
    assert limits.open_files == 10_032


@pytest.mark.parametrize(
    ("persistence", "append", "save"),
    [("aof", "yes", ""), ("rdb", "no", "3600 1 300 100 60 10000"), ("none", "no", "")],
)
def test_persistence_is_what_was_asked_for(persistence: str, append: str, save: str) -> None:
    wanted = next(i for i in described(persistence=persistence).objects if i.name == "redis")
    assert (wanted.desired["appendonly"], wanted.desired["save"]) == (append, save)


def test_on_hosts_it_listens_on_its_own_address_and_in_a_pod_on_all() -> None:
    assert "bind 10.0.0.2 127.0.0.1\n" in file_of(described(), "shop-1", "static.conf")
    pod = described(system="image")
    assert "bind * -::*\n" in file_of(pod, "shop-1", "static.conf")
    assert "replica-announce-ip 10.0.0.2\n" in file_of(pod, "shop-1", "static.conf")
    assert pod.member("shop-1").component("redis").software.image == "redis:8.0"


def test_the_distributions_own_units_are_named() -> None:
    software = described().member("shop-0").component("redis").software
    (server, tools) = software.packages["debian-13"]
    assert (server.name, server.own_units) == ("redis-server", ("redis-server.service",))
    assert (tools.name, tools.own_units) == ("redis-tools", ())


def test_valkey_is_the_same_description_with_other_names() -> None:
    redis, valkey = described(), described(engine=VALKEY)
    component = valkey.member("shop-0").component("redis")
    assert component.command.argv[0] == "valkey-server"
    assert component.user == "valkey"
    assert [package.name for package in component.software.packages["debian-13"]] == [
        "valkey-server", "valkey-tools",
    ]  # fmt: skip
    names = [file.path for file in redis.member("shop-0").component("redis").files]
    assert [file.path for file in component.files] == names


def test_valkey_on_debian_12_is_refused_with_where_it_is_to_be_had() -> None:
    with pytest.raises(SpecError, match="no valkey") as caught:
        described(engine=VALKEY, system="debian-12")
    assert "debian-13" in caught.value.hint


@pytest.mark.parametrize(
    ("system", "version", "good"),
    [
        ("debian-12", "7", True),
        ("debian-12", "7.0", True),
        ("debian-12", "8", False),
        ("debian-13", "8", True),
        ("debian-13", "7", False),
        ("image", "7.2", True),
    ],
)
def test_a_version_that_a_system_does_not_have_is_refused(
    system: str, version: str, good: bool
) -> None:
    if good:
        assert described(system=system, version=version)
    else:
        with pytest.raises(SpecError, match=f"not {version}"):
            described(system=system, version=version)


@pytest.mark.parametrize(
    ("version", "systems"),
    [("7", {"debian-12"}), ("8.0.2", {"debian-13"}), (None, {"debian-12", "debian-13"}), ("9", {})],
)
def test_systems_that_have_the_version_are_named_for_hosts_that_nobody_has_seen(
    version: str | None, systems: set[str]
) -> None:
    (need,) = ENGINE.needs(_service(replicas=3, version=version))
    assert need.systems == frozenset(systems)


def test_seats_in_any_order_give_the_same_workload() -> None:
    service = _service(replicas=3)
    forward, backward = (
        ENGINE.describe("shop", service, there, renderer("redis"), Directory())
        for there in (seats(3), seats(3)[::-1])
    )
    for member in ("shop-0", "shop-2"):
        for name in ("redis.conf", "start-redis.sh", "start-sentinel.sh"):
            assert file_of(forward, member, name) == file_of(backward, member, name)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"replicas": 2}, "lint/two-members"),
        ({"replicas": 3, "min_replicas_to_write": 0}, "lint/no-write-guard"),
        ({"replicas": 3, "slo": {"rpo": "1s"}, "persistence": "rdb"}, "lint/fsync-promise"),
        (
            {"replicas": 3, "slo": {"rpo": "1s"}, "settings": {"appendfsync": "no"}},
            "lint/fsync-promise",
        ),
        ({"replicas": 3, "slo": {"rto": "5s"}}, "lint/rto"),
        ({"replicas": 3, "mode": "replication", "slo": {"rto": "60s"}}, "lint/rto"),
        ({"replicas": 3}, None),
        ({"replicas": 3, "slo": {"rto": "10s", "rpo": "1s"}}, None),
    ],
)
def test_promises_that_cannot_be_kept_are_found(keys: dict[str, object], code: str | None) -> None:
    assert [finding.code for finding in _service(**keys).lint()] == ([code] if code else [])


@pytest.mark.parametrize(
    "keys",
    [
        {"replicas": 2, "min_replicas_to_write": 2},
        {"mode": "replication", "sentinel_port": 26379},
        {"memory": "1MiB"},
        {"users": [{"name": "a"}, {"name": "a"}]},
        {"persistence": "none", "settings": {"save": "60 1"}},
        {"mode": "cluster"},
    ],
)
def test_combinations_that_mean_nothing_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _service(**keys)


def test_members_of_several_versions_are_unfit_with_each_of_them_named_and_the_way_out() -> None:
    service = _service(replicas=3)
    there = seats(3)
    (unfit,) = ENGINE.describe(
        "shop",
        service,
        [*there[:2], replace(there[2], system="debian-12")],
        renderer("redis"),
        Directory(),
    ).unfit
    assert unfit.code == "redis/mixed-versions"
    assert "shop-0 on n1 (debian-13: 8.0)" in unfit.message
    assert "shop-2 on n3 (debian-12: 7.0)" in unfit.message
    assert "debian-12 or debian-13: place: {labels: ...}" in unfit.hint
    assert ENGINE.describe("shop", service, there, renderer("redis"), Directory()).unfit == ()


def test_there_is_an_endpoint_for_every_user_the_administrator_first() -> None:
    users = [{"name": "web"}, {"name": "job", "password": {"secret": "job-password"}}]
    found = [one for one in described(users=users).endpoints if one.member == "shop-1"]
    assert [(one.user, one.password.name, one.password.given) for one in found] == [
        ("opsctl", "shop/user/opsctl", False),
        ("web", "shop/user/web", False),
        ("job", "job-password", True),
    ]
    assert {one.password.form for one in found} == {"plain"}
    assert all(one.console[-2:] == ("--user", one.user) for one in found)
