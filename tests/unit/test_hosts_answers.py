"""What hosts and ssh say, as errors, problems, journal and lock."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from opsctl.errors import OpsError
from opsctl.planning.observation import Node
from opsctl.planning.plan import Reach
from opsctl.ports import Record, Secrets
from opsctl.targets.hosts import bundle, journals, ssh, ssh_errors, wire
from opsctl.targets.hosts.agents import Agents, Answers
from opsctl.targets.hosts.inventory import group_hosts, read_inventory
from opsctl.targets.hosts.observing import Looking, seats
from opsctl.targets.hosts.problems import clock_problems, host_problems
from opsctl.targets.hosts.values import Env, Host, Options, SshOptions
from opsctl.targets.unfinished import unfinished
from opsctl.workload import Seat, SecretRef


@pytest.mark.parametrize(
    ("exit", "err", "code"),
    [
        (255, "ssh: connect to host a port 22: Connection refused", "hosts/unreachable"),
        (255, "ssh: connect to host a port 22: Connection timed out", "hosts/unreachable"),
        (255, "ssh: connect to host a port 22: No route to host", "hosts/unreachable"),
        (255, "ssh: Could not resolve hostname a: not known", "hosts/unreachable"),
        (255, "root@a: Permission denied (publickey).", "hosts/key-refused"),
        (255, "No ED25519 host key is known\nHost key verification failed.", "hosts/host-key"),
        (1, "sudo: a password is required", "hosts/no-sudo"),
        (1, "ops is not in the sudoers file.", "hosts/no-sudo"),
        (1, "Sorry, try again.\nsudo: 1 incorrect password attempt", "hosts/no-sudo"),
        (127, "sh: 1: sudo: not found", "hosts/no-sudo"),
        (127, "sh: 1: /usr/bin/python3: not found", "hosts/no-python"),
        (None, "", "hosts/timeout"),
    ],
)
def test_each_way_of_not_reaching_a_host_has_its_code(
    exit: int | None, err: str, code: str
) -> None:
    error = ssh_errors.unreachable("dc/n1", "a", ssh.Said(exit, b"", err, 0, 9))
    assert error is not None
    assert error.code == code
    assert error.hint
    assert error.where == "host dc/n1"
    assert int(error.exit) == 6


def test_a_program_that_fails_is_not_taken_for_a_host_that_is_away() -> None:
    said = ssh.Said(1, b"", "Traceback ...\nValueError: no", 0, 1)
    assert ssh_errors.unreachable("dc/n1", "a", said) is None


def test_options_of_ssh_are_as_openssh_has_them_and_the_user_s_come_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    options = SshOptions(
        user="ops", key=Path("/k"), bastion="jump", options=("ControlPath=none",), port=2222
    )
    argv = ssh.command(Host("h", port=22), options, "true")
    assert argv[0] == "ssh"
    assert argv.index("ControlPath=none") < argv.index("BatchMode=yes")
    assert argv[argv.index("-p") + 1] == "22"
    assert argv[-3:] == ["--", "ops@h", "true"]
    assert "StrictHostKeyChecking" not in " ".join(argv)


def test_a_kept_connection_is_not_shared_by_two_ways_to_one_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")

    def path(**more: Any) -> str:
        argv = ssh.arguments(Host("10.0.0.1"), SshOptions(**more))
        return next(word for word in argv if word.startswith("ControlPath="))

    ways = [{}, {"bastion": "a"}, {"bastion": "b"}, {"options": ("ProxyJump=a",)}]
    assert len({path(**way) for way in ways}) == len(ways)
    assert path(bastion="a") == path(bastion="a")
    assert path().endswith("/%C")


def test_a_bastion_is_passed_with_the_key_and_the_host_keys_of_the_target() -> None:
    assert ssh.jump(Host("h"), SshOptions(bastion="a,b")) == ["-J", "a,b"]
    options = SshOptions(key=Path("/my key"), known_hosts=Path("/known"), bastion="ops@a:23,b")
    option, command = ssh.jump(Host("h"), options)
    assert option == "-o"
    own = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-i", "/my key"]
    own += ["-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=/known"]
    for there, before in (("ssh://b", True), ("ssh://ops@a:23", False)):
        assert command.startswith("ProxyCommand=")
        words = shlex.split(command.removeprefix("ProxyCommand="))
        assert words[: len(own)] == own
        assert words[-4:] == ["-W", "[%h]:%p", "--", there]
        if before:
            command = words[len(own) + 1].replace("%%", "%")  # as ssh reads it


def test_many_programs_run_at_once_and_each_is_bounded() -> None:
    calls = {f"c{n}": (["sh", "-c", "cat; echo err >&2; exit 3"], b"in" * 90_000) for n in range(5)}
    calls["slow"] = (["sleep", "120"], b"")
    said = ssh.run_all(calls, timeout=2.0, parallel=3)
    assert said["slow"].exit is None
    for number in range(5):
        one = said[f"c{number}"]
        assert (one.exit, len(one.out), one.err) == (3, 180_000, "err\n")


def test_a_program_that_was_begun_is_told_the_rest_and_timed_from_then_on() -> None:
    first = b"a" * 90_000  # more than a pipe takes
    begun = {name: ssh.begin(["sh", "-c", "cat; exit 3"], first) for name in ("one", "two")}
    time.sleep(0.05)
    told = time.time()
    calls: dict[str, ssh.Call] = {name: (one, b"the rest") for name, one in begun.items()}
    said = ssh.run_all({**calls, "new": (["cat"], b"all")}, timeout=5.0, parallel=2)
    for name in begun:
        assert (said[name].exit, said[name].out) == (3, first + b"the rest")
        assert said[name].began >= told
    assert said["new"].out == b"all"


def test_a_program_that_was_begun_and_ended_is_like_one_that_ends_early() -> None:
    begun = ssh.begin(["sh", "-c", "echo no connection >&2; exit 255"], b"")
    begun.process.wait(timeout=5)
    said = ssh.run_all({"one": (begun, b"in")}, timeout=5.0, parallel=1)["one"]
    assert (said.exit, said.err) == (255, "no connection\n")


class Local(Agents):
    """Runs the hosts' program here."""

    def _command(self, name: str) -> list[str]:
        return ["sh", "-c", bundle.COMMAND.replace(bundle.PYTHON, sys.executable)]


def local(parallel: int = 20) -> Local:
    hosts = {name: Host(name) for name in ("n1", "n2")}
    options = SshOptions(user="root", parallel=parallel)
    return Local("dc", Env("shop", "shop"), hosts, options, cast("Secrets", None))


def test_a_program_that_waits_already_gets_the_next_request_and_no_second_one() -> None:
    agents = local(parallel=1)
    agents.begin()
    assert list(agents.begun) == ["n1"]
    process = agents.begun["n1"].process
    answers = agents.send({"n1": {}, "n2": {}})
    assert {name: "facts" in answer for name, answer in answers.given.items()} == {
        "n1": True, "n2": True,
    }  # fmt: skip
    assert process.returncode == 0
    assert not agents.begun


def test_a_program_that_is_not_asked_in_the_end_is_gone() -> None:
    agents = local()
    agents.begin()
    processes = [one.process for one in agents.begun.values()]
    agents.abandon()
    assert [process.returncode for process in processes] == [-9, -9]
    assert not agents.begun


def test_a_program_that_can_not_be_ended_hides_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    agents = local()
    agents.begin()
    processes = [one.process for one in agents.begun.values()]

    def hangs(self: object, timeout: float | None = None) -> int:
        raise subprocess.TimeoutExpired("ssh", timeout or 0)

    with monkeypatch.context() as patched:
        patched.setattr(subprocess.Popen, "wait", hangs)
        agents.abandon()
    assert not agents.begun
    assert {process.wait(timeout=5) for process in processes} == {-9}


def test_a_connection_whose_process_stands_still_is_no_mistake_of_opsctl(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stands_still(argv: list[str], *, timeout: float, **more: Any) -> None:
        raise subprocess.TimeoutExpired(argv, timeout)

    monkeypatch.setattr(subprocess, "run", stands_still)
    ssh.forget(Host("n1"), SshOptions())


def test_where_sudo_wants_a_password_nothing_begins_before_it_is_needed() -> None:
    asking = replace(local().options, become_password=SecretRef("sudo", given=True))
    agents = replace(local(), options=asking)
    agents.begin()
    assert not agents.begun


def test_a_machine_without_ssh_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OpsError, match="ssh is not installed on this machine") as caught:
        ssh.run_all({"n1": (["ssh", "n1"], b"")}, 5, 1)
    assert (caught.value.code, caught.value.hint) == (
        "hosts/no-ssh",
        "apt-get install openssh-client",
    )


def test_who_hurries_waits_for_the_last_ones_only_until_most_have_answered() -> None:
    calls = {f"c{n}": (["true"], b"") for n in range(3)}
    calls["dead"] = (["sleep", "120"], b"")
    said = ssh.run_all(calls, timeout=60.0, parallel=4, stragglers=0.1)
    assert said["dead"].exit is None
    assert [said[f"c{number}"].exit for number in range(3)] == [0, 0, 0]
    error = ssh_errors.unreachable("dc/n4", "a", said["dead"])
    assert error is not None
    assert error.code == "hosts/timeout"  # so it is not asked again


def test_who_hurries_waits_as_ever_while_most_say_nothing_or_were_not_asked_yet() -> None:
    slow = (["sleep", "0.3"], b"")
    few = ssh.run_all({"one": (["true"], b""), "two": slow}, 60.0, parallel=2, stragglers=0.0)
    assert few["two"].exit == 0
    calls = {"one": (["true"], b""), "two": (["true"], b""), "late": slow}
    assert ssh.run_all(calls, 60.0, parallel=1, stragglers=60.0)["late"].exit == 0
    failed = {"one": (["false"], b""), "two": (["false"], b""), "late": slow}
    assert ssh.run_all(failed, 60.0, parallel=3, stragglers=0.0)["late"].exit == 0


def test_a_control_folder_that_others_can_enter_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    short = subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True)
    runtime = Path(short.stdout.strip())
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert ssh.sockets_folder() == runtime / "opsctl"
    (runtime / "opsctl").chmod(0o755)
    with pytest.raises(OpsError) as error:
        ssh.sockets_folder()
    assert error.value.code == "hosts/ssh-folder"


def look(**more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "stranger": None, "namesake": "", "problems": [], "actual": {}, "wishes": {},
        "owned": {},
    }  # fmt: skip
    return {**empty, **more}


@pytest.mark.parametrize(
    ("system", "unsupported", "severities"),
    [("debian-13", False, []), ("ubuntu-24.04", False, ["error"]), ("fedora", True, ["warning"])],
)
def test_systems_that_nobody_tried_are_refused_unless_told_otherwise(
    system: str, unsupported: bool, severities: list[str]
) -> None:
    found = host_problems(Node("dc/n1", system, {}), look(), (), unsupported, "check")
    assert [problem.severity for problem in found] == severities


def test_ours_under_another_name_of_the_host_is_never_to_be_removed() -> None:
    words = "/etc/x is this environment's, from when the spec called this host dc/n1"
    found = look(
        actual={
            "file|dc/db1|/etc/x": [None, "", words],
            "file|dc/db1|/etc/y": [None, "", "/etc/y"],
        },
        owned={"file|dc/n1|/etc/x": {}},
    )
    problems = host_problems(Node("dc/db1", "debian-13", {}), found, (), False, "check")
    renamed, foreign = problems
    assert (renamed.error.code, foreign.error.code) == ("hosts/renamed", "hosts/foreign")
    assert renamed.error.hint == "call the host dc/n1 in the spec again, and remove nothing"
    assert "remove it" in foreign.error.hint


def test_what_a_machine_has_under_another_host_s_name_is_told_by_that_host_alone() -> None:
    """Or it would go twice, and once at a place that the target may not have."""
    entry = {"service": "a", "member": "a-0", "loss": "", "protected": False}
    found = look(
        owned={"file|dc/n1|/etc/x": entry, "file|east/e1|/etc/y": entry},
        seats={}, answers=[], packages={}, floating=None, maintenance={}, documents={},
        lock={"token": 0, "highest": 0}, journal={"revision": 0, "records": []},
    )  # fmt: skip
    answers = Answers({"n1": {"facts": {"system": "debian-13"}, "look": found}})
    looking = Looking("dc", Env("shop", "shop"), ("n1",), (), (), lambda _: "")
    seen = looking.observation(answers, Options())
    assert [one.id.key for one in seen.owned] == ["file|dc/n1|/etc/x"]


def test_a_host_is_told_its_name_and_which_names_are_others() -> None:
    hosts = {name: Host(f"10.0.0.{name}") for name in "123"}
    nothing = cast(Secrets, None)
    agents = Agents("dc", Env("shop", "id", ("east",)), hosts, SshOptions(), nothing)
    assert agents.environment_at("1") == {
        "name": "shop", "id": "id", "where": "dc/1", "others": ["dc/2", "dc/3", "east"],
    }  # fmt: skip


def test_clocks_that_are_off_are_told_with_doubt_in_their_favour() -> None:
    clocks = {"a": (0.0, 0.1), "b": (0.1, 0.1), "c": (3.0, 0.1), "d": (1.5, 1.0)}
    found = list(clock_problems("dc", clocks, {}))
    assert [(problem.where, problem.error.code) for problem in found] == [
        ("dc/c", "hosts/clock-skew")
    ]


def test_when_every_host_is_off_the_callers_clock_is_in_doubt_too() -> None:
    one, other = clock_problems("dc", {"a": (3.0, 0.1), "b": (3.1, 0.1)}, {})
    assert "this machine's may be the wrong one" in one.error.message
    assert other.severity == "warning"


def test_a_clock_that_nobody_keeps_is_told_and_one_that_can_not_be_asked_is_not() -> None:
    kept = {"a": {"synced": True}, "b": {"synced": False}, "c": None}
    found = list(clock_problems("dc", {}, kept, lambda: "write this"))
    assert found[0].error.hint.startswith("write this, or ")
    assert [(problem.where, problem.error.code) for problem in found] == [
        ("dc/b", "hosts/clock-unsynced")
    ]


BEGIN = Record("r1", "begin", 1.0, "me", steps=("a", "b"), revision=2)
STEP = Record("r1", "step", 2.0, "me", step="a", ended="done")
END = Record("r1", "end", 3.0, "me", ended="done")


def run(name: str, at: float, reach: Reach, ended: str = "") -> list[Record]:
    """The records of a run; `ended` "": it was killed."""
    begin = Record(name, "begin", at, "me", reach=reach)
    return [begin, *([Record(name, "end", at + 1, "me", ended=ended)] if ended else [])]


def left(*runs: list[Record]) -> str:
    """Which of them is unfinished."""
    found = unfinished(record for one in runs for record in one)
    return found.run if found is not None else ""


def test_an_unfinished_run_is_known_from_all_hosts_together() -> None:
    found = unfinished([BEGIN, BEGIN, STEP])
    assert found is not None
    assert (found.done, found.open, found.revision) == (("a",), ("b",), 2)
    assert unfinished([BEGIN, BEGIN, END]) is None
    assert unfinished([]) is None


def test_a_verb_that_ends_well_hides_no_apply_that_broke_off() -> None:
    apply = run("apply", 1.0, "all", "[run/lost] n2")
    assert left(apply, run("restart", 5.0, "none", "done")) == "apply"
    assert left(apply, run("restart", 5.0, "none")) == "apply"
    assert left(run("scale", 1.0, "named"), run("restart", 5.0, "none", "done")) == "scale"


def test_an_apply_of_a_part_ends_none_of_everything_and_one_of_everything_ends_all() -> None:
    broken, part = run("apply", 1.0, "all"), run("part", 5.0, "part", "done")
    assert left(broken, part) == "apply"
    assert left(broken, run("part", 5.0, "part")) == "part"
    assert left(run("part", 1.0, "part"), run("again", 5.0, "part", "done")) == ""
    whole = run("whole", 9.0, "all", "done")
    assert left(broken, part, whole) == ""
    assert left(run("restore", 5.0, "none"), whole) == ""


def test_a_verb_that_broke_off_is_told_of_until_the_next_run() -> None:
    apply, restore = run("apply", 1.0, "all", "done"), run("restore", 5.0, "none")
    assert left(apply, restore) == "restore"
    assert left(apply, restore, run("again", 9.0, "none", "done")) == ""


def test_journals_of_several_hosts_are_one() -> None:
    histories = [
        [wire.record_out(one) for one in records]
        for records in ((BEGIN, STEP), (BEGIN, END), (END,))
    ]
    assert journals.merged(histories, 9) == (BEGIN, STEP, END)


def test_a_lock_that_ran_out_by_the_host_s_clock_is_nobody_s() -> None:
    head = {"token": 3, "holder": "me", "since": 1.0, "expires": 10.0, "highest": 3}
    assert wire.holder({**head, "now": 9.0}) is not None
    assert wire.holder({**head, "now": 10.0}) is None
    assert wire.holder({"token": 0, "highest": 3, "now": 1.0}) is None


def test_a_seat_comes_back_as_it_was_sent() -> None:
    seat = Seat("a-0", "g", "n1", "r1", "debian-13", {"x": 1}, "/c", "/d", "/r")
    assert wire.seat_in(wire.seat_out("a", seat)) == (0, "a", seat)


def test_a_member_sits_where_the_newest_run_put_it_though_another_host_has_a_seat_for_it() -> None:
    """That host was away when the member was seated elsewhere, and is back."""
    old = Seat("a-1", "g", "n2", "r1", "debian-13", {"x": 1}, "/c", "/d", "/r")
    new = replace(old, node="n4")
    looks = [
        {"seats": {"a-1": {**wire.seat_out("a", seat), "turn": turn}}}
        for seat, turn in ((new, 9), (old, 5))
    ]
    assert seats(looks) == seats(looks[::-1]) == {"a": (new,)}


def test_hosts_come_from_an_inventory_as_ansible_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "inventory.ini"
    file.write_text(
        "[caches]\nc1 ansible_host=10.0.0.1 ansible_user=ops ansible_port=2222 opsctl_rack=a\n"
        "c2 ansible_ssh_private_key_file=~/k ansible_become=false\n[others]\nx\n"
        "[all_caches:children]\ncaches\n"
    )
    listed = read_inventory(file)
    found = group_hosts(listed, "all_caches", str(file))
    assert list(found) == ["c1", "c2"]
    assert found["c1"] == Host("10.0.0.1", rack="a", user="ops", port=2222)
    assert found["c2"].key == Path("~/k").expanduser()
    assert found["c2"].become is False
    with pytest.raises(OpsError) as error:
        group_hosts(listed, "none", str(file))
    assert error.value.code == "hosts/inventory-group"
    assert "caches" in error.value.hint
