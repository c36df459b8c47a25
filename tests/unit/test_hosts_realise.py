"""Realising on hosts: what exists, what is compared, what a change of it costs."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from opsctl.errors import OpsError, SpecError
from opsctl.planning.resource import Impact, Resource
from opsctl.ports import Secrets
from opsctl.targets.hosts import Env, Host, HostsTarget, Options, Packages, SshOptions
from opsctl.targets.hosts.addresses import address_of
from opsctl.targets.hosts.agents import Answers
from opsctl.targets.hosts.realise import Payload
from opsctl.targets.hosts.realise.doors import check_doors
from opsctl.targets.hosts.realise.packages import wanted
from opsctl.workload import (
    AddressRef,
    Command,
    ConfigFile,
    Limits,
    Package,
    Port,
    Software,
    Text,
    Volume,
    Workload,
)
from routes_world import described as routes_described
from routes_world import environment
from toy import NEEDS, PASSWORD, Keys, options, server, with_server, workload

HOSTS = {f"n{n}": Host(f"10.0.0.{n}", rack=f"r{n}", system="debian-13") for n in range(1, 4)}


def target(tmp_path: Path, secrets: Secrets | None = None, **more: object) -> HostsTarget:
    keys = secrets or Keys()
    chosen = Options(**more)  # type: ignore[arg-type]
    return HostsTarget("prod", Env("shop", "shop"), HOSTS, SshOptions(), keys, tmp_path, chosen)


def described(dc: HostsTarget) -> Workload:
    seats = dc.seat({"sessions": (options(), NEEDS)}, {})
    return workload(seats["sessions"])


def realised(dc: HostsTarget, work: Workload | None = None) -> dict[str, Resource]:
    """What is on n1, by kind and name."""
    made = dc.realise((work or described(dc),), {"sessions": options()})
    return {f"{one.id.kind} {one.id.name}": one for one in made if one.id.where == "prod/n1"}


SERVER = "opsctl-shop-sessions-server@sessions-0.service"
CONF = "/etc/opsctl/shop/sessions/sessions-0/toy.conf"


def test_everything_of_a_member_is_there_once_and_in_the_order_of_its_needs(
    tmp_path: Path,
) -> None:
    found = realised(target(tmp_path))
    data = "/var/lib/opsctl/shop/sessions/sessions-0"
    assert list(found)[:4] == [
        "mask toy.service",
        "package toy",
        f"directory {data}",
        "directory /etc/opsctl/shop/sessions/sessions-0",
    ]
    assert f"unit {SERVER}" in found
    known: set[str] = set()
    for one in found.values():
        assert {need.key for need in one.needs} <= known
        known.add(one.id.key)


def test_node_s_things_belong_to_no_member_and_data_is_a_loss(tmp_path: Path) -> None:
    found = realised(target(tmp_path))
    assert found["package toy"].member == found["mask toy.service"].member == ""
    data = found["directory /var/lib/opsctl/shop/sessions/sessions-0"]
    assert (data.loss, data.protected) == ("the data of sessions-0", True)
    assert found[f"file {CONF}"].loss == ""


def test_a_file_s_text_shows_addresses_and_hides_secrets(tmp_path: Path) -> None:
    found = realised(target(tmp_path))
    assert "primary 10.0.0.1\n" in found[f"file {CONF}"].text
    users = found[f"file {CONF.replace('toy.conf', 'users.acl')}"]
    assert users.text == f"user admin ‹secret {PASSWORD.name}›\n"
    assert "TOP-SECRET" not in repr(users)


def test_a_restart_is_what_the_unit_costs_and_the_file_itself_costs_nothing(
    tmp_path: Path,
) -> None:
    found = realised(target(tmp_path))
    assert found[f"unit {SERVER}"].impact == {"loaded": Impact.RESTART}
    assert found[f"unit {SERVER}"].component == "server"
    assert not found[f"file {CONF}"].impact


@pytest.mark.parametrize(
    ("effect", "restarts"), [("restart", True), ("reload", True), ("none", False)]
)
def test_what_a_process_was_started_with_follows_only_files_it_reads_at_start(
    tmp_path: Path, effect: str, restarts: bool
) -> None:
    dc = target(tmp_path)
    work = described(dc)

    def loaded(text: str) -> str | None:
        file = ConfigFile("/etc/opsctl/shop/x.conf", Text((text,)), effect=effect)  # type: ignore[arg-type]
        changed = with_server(work, files=(file,))
        return realised(dc, changed)[f"unit {SERVER}"].desired["loaded"]

    assert (loaded("a") != loaded("b")) is restarts


def test_a_secret_s_new_value_is_a_new_fingerprint_and_a_restart(tmp_path: Path) -> None:
    one = realised(target(tmp_path, Keys()))
    other = realised(target(tmp_path, Keys(salt="new")))
    users = f"file {CONF.replace('toy.conf', 'users.acl')}"
    assert one[users].desired != other[users].desired
    assert one[f"unit {SERVER}"].desired != other[f"unit {SERVER}"].desired
    assert one[f"file {CONF}"].desired == other[f"file {CONF}"].desired


def test_without_the_key_only_what_holds_a_secret_is_not_compared(tmp_path: Path) -> None:
    found = realised(target(tmp_path, Keys(key=None)))
    unknown = {name for name, one in found.items() if None in one.desired.values()}
    assert unknown == {f"file {CONF.replace('toy.conf', 'users.acl')}", f"unit {SERVER}"}


def test_a_seeded_file_is_compared_by_its_existence_alone(tmp_path: Path) -> None:
    seeded = realised(target(tmp_path))["file /var/lib/opsctl/shop/sessions/sessions-0/voter.conf"]
    assert seeded.desired == {"present": "yes"}


def test_a_locked_version_is_wanted_exactly_and_raising_it_is_a_restart(tmp_path: Path) -> None:
    def unit_and_package(version: str) -> tuple[Resource, Resource]:
        packages = Packages(locked={"debian-13": {"toy": version}})
        found = realised(target(tmp_path, packages=packages))
        return found[f"unit {SERVER}"], found["package toy"]

    (unit, package), (newer, _) = unit_and_package("2:2.0-1"), unit_and_package("2:2.0-2")
    assert package.desired == {"version": "2:2.0-1"}
    assert unit.desired["loaded"] != newer.desired["loaded"]
    assert realised(target(tmp_path))["package toy"].desired == {"version": "2"}


def unit_lines(tmp_path: Path, work: Workload | None = None) -> list[str]:
    found = realised(target(tmp_path), work)
    return found[f"file /etc/systemd/system/{SERVER}"].text.splitlines()


def test_a_unit_has_its_limits_its_bounds_and_its_sandbox(tmp_path: Path) -> None:
    lines = unit_lines(tmp_path)
    for line in (
        "User=toy",
        "LimitNOFILE=10000",
        "Restart=on-failure",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "ReadWritePaths=-/var/lib/opsctl/shop/sessions/sessions-0",
        "RuntimeDirectory=opsctl/shop/sessions/sessions-0",
        "WantedBy=multi-user.target",
    ):
        assert line in lines
    assert [line for line in lines if line.startswith("ExecStart=")] == [
        "ExecStart=/usr/bin/toy-server /etc/opsctl/shop/sessions/sessions-0/toy.conf"
    ]


def test_what_holds_for_a_running_process_is_in_a_drop_in_and_no_reason_to_restart(
    tmp_path: Path,
) -> None:
    dc = target(tmp_path)
    work = described(dc)
    limits = f"file /etc/systemd/system/{SERVER}.d/limits.conf"
    one = realised(dc)
    assert one[limits].text.splitlines()[1:] == [
        "[Service]", "TimeoutStopSec=45.5", "MemoryMax=536870912",
    ]  # fmt: skip
    other = realised(dc, with_server(work, limits=Limits(memory=1 << 30, open_files=10_000)))
    assert {name for name in one if one[name].desired != other[name].desired} == {limits}
    assert other[limits].id in other[f"unit {SERVER}"].needs
    payload = other[limits].payload
    assert isinstance(payload, Payload)
    assert payload.spec["bounds"] == SERVER  # so that it is not given less than it holds


RELOAD = Command(("/usr/bin/toy-server",), reload=("/usr/bin/toy-cli", "reload"))


def test_files_that_a_reload_takes_in_are_no_reason_to_restart(tmp_path: Path) -> None:
    dc = target(tmp_path)
    work = described(dc)

    def unit(text: str, effect: str = "reload") -> Resource:
        file = ConfigFile("/etc/opsctl/shop/x.conf", Text((text,)), effect=effect)  # type: ignore[arg-type]
        return realised(dc, with_server(work, files=(file,), command=RELOAD))[f"unit {SERVER}"]

    old, new = unit("a"), unit("b")
    assert old.impact == {"loaded": Impact.RESTART, "taken": Impact.RELOAD}
    assert {name for name in old.desired if old.desired[name] != new.desired[name]} == {"taken"}
    assert "taken" not in unit("a", "restart").desired


def test_a_reload_counts_only_once_the_process_has_taken_it_in(tmp_path: Path) -> None:
    lines = unit_lines(tmp_path, with_server(described(target(tmp_path)), command=RELOAD))
    live = CONF.replace("toy.conf", "live.conf")
    note = f"/run/opsctl/taken/{SERVER}"
    assert [line for line in lines if line.startswith("ExecReload=")] == [
        f'ExecReload=+/bin/sh -c "umask 077; sha256sum -- {live} >{note}.new"',
        "ExecReload=/usr/bin/toy-cli reload",
        f'ExecReload=+/bin/sh -c "mv {note}.new {note}"',
    ]
    starts = [line for line in lines if line.startswith("ExecStartPre=-+")]
    assert [live in line for line in starts] == [False, False, True]


def test_a_unit_s_mark_stands_for_all_of_its_text(tmp_path: Path) -> None:
    def mark(work: Workload | None = None) -> str:
        return next(line for line in unit_lines(tmp_path, work) if "echo unit" in line)

    work = described(target(tmp_path))
    assert mark() == mark(work) != mark(with_server(work, command=RELOAD))


@pytest.mark.parametrize(
    ("user", "port", "named", "lines"),
    [
        ("toy", 7000, (), ["CapabilityBoundingSet=", "AmbientCapabilities="]),
        ("toy", 80, ("CAP_CHOWN",), [
            "CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_CHOWN",
            "AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_CHOWN",
        ]),
        ("root", 80, (), []),
        ("root", 80, ("CAP_NET_ADMIN", "CAP_NET_RAW"), [
            "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW",
        ]),
    ],
)  # fmt: skip
def test_a_process_may_do_what_is_named_and_listen_on_its_ports(
    tmp_path: Path, user: str, port: int, named: tuple[str, ...], lines: list[str]
) -> None:
    work = with_server(
        described(target(tmp_path)), user=user, ports=(Port("toy", port),), capabilities=named
    )
    found = unit_lines(tmp_path, work)
    assert [line for line in found if "Capabilit" in line] == lines
    raw = " AF_PACKET" if "CAP_NET_RAW" in named else ""
    assert f"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK{raw}" in found


def test_a_file_s_check_runs_as_the_process_that_will_read_it(tmp_path: Path) -> None:
    dc = target(tmp_path)
    check = ("/usr/bin/toy-check", "{file}")
    file = ConfigFile(CONF, Text(("a",)), check=check)
    found = realised(dc, with_server(described(dc), files=(file,)))[f"file {CONF}"]
    assert isinstance(found.payload, Payload)
    assert found.payload.spec["check"] == {"argv": list(check), "user": "toy"}


def test_arguments_reach_the_process_as_they_are_whatever_systemd_makes_of_them(
    tmp_path: Path,
) -> None:
    dc = target(tmp_path)
    work = described(dc)
    old = work.groups[0].members[0].components[0].command
    argv = ("/usr/bin/toy", "100%", "$HOME", 'a "b" c', "back\\slash", "")
    lines = unit_lines(tmp_path, with_server(work, command=replace(old, argv=argv)))
    start = next(line for line in lines if line.startswith("ExecStart="))
    assert start == r'ExecStart=/usr/bin/toy 100%% $$HOME "a \"b\" c" "back\\slash" ""'


def test_a_volume_that_needs_its_mount_keeps_the_server_down_without_it(tmp_path: Path) -> None:
    dc = target(tmp_path)
    volume = Volume("/data/x", require_mount=True)
    work = with_server(described(dc), volumes=(volume,))
    made = dc.realise((work,), {"sessions": options(storage={"path": "/data/x"})})
    text = next(one.text for one in made if one.id.name.endswith(SERVER))
    assert "RequiresMountsFor=/data/x\n" in text
    assert "AssertPathIsMountPoint=|/data/x\nAssertPathIsMountPoint=|/data\n" in text


def test_an_older_systemd_is_not_told_what_it_does_not_know(tmp_path: Path) -> None:
    dc = target(tmp_path)
    assert any(line.startswith("RestartSteps") for line in unit_lines(tmp_path))
    seat = replace(described(dc).groups[0].members[0].seat, system="debian-12")
    part = server(seat)
    packages = {"debian-12": part.software.packages["debian-13"]}
    software = replace(part.software, packages=packages)
    work = workload((seat,))
    member = work.groups[0].members[0]
    both = tuple(replace(one, software=software) for one in member.components)
    group = replace(work.groups[0], members=(replace(member, components=both),))
    text = "\n".join(unit_lines(tmp_path, replace(work, groups=(group,))))
    assert "RestartSteps" not in text


def test_kernel_wishes_are_set_only_where_the_target_is_told_to(tmp_path: Path) -> None:
    assert "kernel vm.overcommit_memory" not in realised(target(tmp_path))
    found = realised(target(tmp_path, kernel="apply"))
    assert found["kernel vm.overcommit_memory"].desired == {"value": "1", "at boot": "yes"}


def test_a_system_that_was_never_tried_gets_the_packages_of_the_newest_one(tmp_path: Path) -> None:
    software = Software({"debian-12": (Package("old"),), "debian-13": (Package("new"),)})
    part = replace(
        described(target(tmp_path)).groups[0].members[0].components[0], software=software
    )
    assert [one.name for one in wanted(part, "ubuntu-24.04")] == ["new"]
    assert [one.name for one in wanted(part, "debian-12")] == ["old"]


def test_software_without_any_packages_is_refused(tmp_path: Path) -> None:
    dc = target(tmp_path)
    work = described(dc)
    part = work.groups[0].members[0].components[0]
    software = replace(part.software, packages={})
    with pytest.raises(SpecError) as error:
        realised(dc, with_server(work, software=software))
    assert error.value.code == "hosts/no-software"


def test_an_address_that_nobody_has_is_refused(tmp_path: Path) -> None:
    dc = target(tmp_path)
    file = ConfigFile("/etc/opsctl/x", Text((AddressRef("nobody-0"),)))
    with pytest.raises(OpsError) as error:
        realised(dc, with_server(described(dc), files=(file,)))
    assert error.value.code == "hosts/no-address"


def test_a_journal_that_no_host_can_be_asked_for_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dc = target(tmp_path)
    away = OpsError("hosts/unreachable", "Connection refused", where="host prod/n1")
    monkeypatch.setattr(dc, "_send", lambda _: Answers(failed={"n1": away}))
    with pytest.raises(OpsError) as told:
        dc.history(10)
    assert told.value is away


def test_hosts_that_were_never_seen_are_asked_who_sits_there_unless_nobody_is_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dc = target(tmp_path)
    sent: list[object] = []
    monkeypatch.setattr(dc, "_send", lambda request: sent.append(request) or Answers())
    assert dc.recorded(ask=False) == {}
    assert sent == []
    dc.recorded()
    assert len(sent) == 1


def test_a_host_that_this_machine_knows_by_a_loopback_is_refused_where_others_would_be_told_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.1.1", 0))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    hosts = {"n1": Host("n1.opsctl-test"), "n2": Host("10.0.0.2")}
    nodes = {"shop-0": "n1", "shop-1": "n2"}
    with pytest.raises(OpsError) as refused:
        address_of(hosts, nodes, AddressRef("shop-0", "ip"))
    assert refused.value.code == "hosts/no-address"
    assert "n1.opsctl-test is 127.0.1.1 on this machine" in refused.value.message
    alone = {"n1": hosts["n1"]}
    assert address_of(alone, nodes, AddressRef("shop-0", "ip")) == "127.0.1.1"


@pytest.mark.parametrize(
    ("port", "message"),
    [
        (6379, "redis of sessions and r of edge would both listen at port 6379 of host n1"),
        (8404, "status of edge and r of edge would both listen at port 8404 of host n1"),
    ],
)
def test_a_route_without_an_address_of_its_own_takes_nobody_s_port(port: int, message: str) -> None:
    spec = environment({"r": {"to": "sessions", "port": port}})
    with pytest.raises(SpecError) as refused:
        check_doors(list(routes_described(spec).values()))
    assert (refused.value.code, refused.value.message) == ("hosts/duplicate-port", message)


@pytest.mark.parametrize("route", [{"port": 16379}, {"vip": "10.77.0.100"}])
def test_a_route_with_a_port_or_an_address_of_its_own_is_taken(route: dict[str, object]) -> None:
    check_doors(list(routes_described(environment({"r": {"to": "sessions", **route}})).values()))
