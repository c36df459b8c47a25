"""Programs in pods: which pod is whose, how several questions become one session and back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from opsctl.model import Kubernetes
from opsctl.ports import SIGNAL, START, Asked, NodeJob
from opsctl.targets.kubernetes import agents, asking
from opsctl.targets.kubernetes.nodes import Filling
from opsctl.targets.kubernetes.pods import Place, located, missing, places
from opsctl.targets.kubernetes.programs import LookUp, Run, answers, session
from opsctl.targets.kubernetes.reaching import clock_read, stamped
from opsctl.targets.kubernetes.site import Site
from opsctl.workload import AddressRef, Answer, FileRef, Query, Seat, SecretRef, Text

Kubernetes.model_rebuild()
SITE = Site("prod", "shop", "shop-prod", Kubernetes())
MARK = "5eaf00d"
SHELLS = [one for one in ("dash", "bash", "busybox") if shutil.which(one)]


def run(*runs: Run, shell: str = "sh") -> tuple[Answer, ...]:
    """As a container's shell runs them: this machine's stands for it, which is the same program."""
    argv = [shell, "sh"] if shell == "busybox" else [shell]
    done = subprocess.run(
        argv, input=session(runs, MARK).encode(), capture_output=True, timeout=30, check=False
    )
    said = Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
    return answers(runs, said, MARK)


def sh(script: str, *stdin: Any, timeout: float = 5.0) -> Run:
    return Run(("sh", "-c", script), tuple(stdin), timeout)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_of_several_programs_has_its_own_answer(shell: str) -> None:
    first, second, third = run(
        sh("cat; echo aside >&2", "it's $HOME\n"),
        sh("printf 'no newline'; exit 7"),
        sh("cat"),
        shell=shell,
    )
    assert first == Answer(0, "it's $HOME\n", "aside\n")
    assert second == Answer(7, "no newline")
    assert third == Answer(0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_is_read_beside_the_program_less_its_last_newline(
    shell: str, tmp_path: Path
) -> None:
    file = tmp_path / "pass word"
    file.write_text("a'b\\n\n\n")
    (found,) = run(sh("cat", "AUTH ", FileRef(str(file)), "|\n"), shell=shell)
    assert found.stdout == "AUTH a'b\\n\n|\n"


def test_a_file_that_is_not_there_fails_its_program_alone() -> None:
    first, second = run(sh("cat", FileRef("/no/such/file")), sh("echo on"))
    assert (first.exit, first.stdout) == (-1, "")
    assert "/no/such/file" in first.stderr
    assert second == Answer(0, "on\n")


def test_a_name_becomes_its_address() -> None:
    found, lost = run(sh("cat", LookUp("localhost")), sh("cat", LookUp("no.such.invalid")))
    assert found.stdout in ("127.0.0.1", "::1")
    assert lost == Answer(-1, "", "no.such.invalid has no address\n")


def test_a_program_that_does_not_end_is_ended_and_the_next_has_its_turn() -> None:
    late, after = run(sh("sleep 20", timeout=1.0), sh("echo on"))
    assert (late.exit, late.stderr) == (-1, "sh did not end within 1 s")
    assert after == Answer(0, "on\n")


def test_a_program_that_is_not_there_is_an_answer() -> None:
    (found,) = run(Run(("no-such-program",)))
    assert found.exit == -1
    assert "no-such-program" in found.stderr


def test_what_a_broken_connection_left_out_is_an_answer_each() -> None:
    runs = (sh("one"), sh("two"), sh("three"))
    said = Answer(-1, f"first\n{MARK} 0\nhalf", f"\n{MARK}\nit broke off")
    one, two, three = answers(runs, said, MARK)
    assert one == Answer(0, "first")
    assert (two.exit, two.stderr) == (-1, "it broke off")
    assert (three.exit, three.stderr) == (-1, "sh was not run to its end (exit code -1)")


def test_a_program_is_looked_up_by_name_as_images_keep_it_elsewhere() -> None:
    assert "timeout -k 1 3 redis-cli -p 1 " in session(
        [Run(("/usr/bin/redis-cli", "-p", "1"))], MARK
    )


def pod(name: str, member: str = "", **more: Any) -> dict[str, Any]:
    """A pod with two containers of one image, as the API lists it."""
    said = {"opsctl.dev/service": "db", "opsctl.dev/group": "servers"}
    status = {"name": "server", "state": {"running": {}}, "containerID": "containerd://abc"}
    twin = {"name": "watcher", "state": {"running": {}}, "containerID": "containerd://def"}
    found: dict[str, Any] = {
        "metadata": {
            "name": name,
            "labels": said | ({"opsctl.dev/member": member} if member else {}),
        },
        "spec": {
            "nodeName": "n1",
            "containers": [
                {"name": "server", "image": "redis:8"},
                {"name": "watcher", "image": "redis:8"},
                {"name": "other", "image": "other:1"},
            ],
        },
        "status": {
            "podIP": "10.1.0.5",
            "containerStatuses": [status, twin, {"name": "other", "state": {"waiting": {}}}],
        },
    }
    found["metadata"].update(more)
    return found


def seat(member: str) -> Seat:
    return Seat(member, "servers", "", "", "image")


def asked(member: str, component: str, *words: str, mutating: bool = False, **more: Any) -> Asked:
    return Asked(seat(member), component, Query(words, lambda one: one, **more), mutating)


KNOWN = places([pod("db-0-0", "db-0"), pod("db-1-0", "db-1")])


def value(ref: SecretRef) -> str:
    return f"value of {ref.name}"


def test_a_member_is_where_its_pod_is_and_the_leaving_one_does_not_count() -> None:
    old = pod("edge-old", deletionTimestamp="2026-01-01T00:00:00Z")
    new = pod("edge-new")
    for one in (old, new):
        one["metadata"]["ownerReferences"] = [
            {"kind": "DaemonSet", "name": "db-servers", "controller": True}
        ]
    for order in ([old, new], [new, old]):
        found = places(order)
        assert found["db-n1"].pod == found["db-servers-n1"].pod == "edge-new"
    assert KNOWN["db-0"].node == "n1"
    assert KNOWN["db-0"].containers["server"].id == "abc"


def test_questions_to_containers_of_one_image_share_a_session() -> None:
    several = [
        asked("db-0", "server", "a"),
        asked("db-0", "watcher", "b"),
        asked("db-1", "server", "c"),
    ]
    lines = asking.sessions(SITE, KNOWN, several, value)
    assert [[(one.pod, one.container, one.at) for one in line] for line in lines] == [
        [("db-0-0", "server", (0, 1))],
        [("db-1-0", "server", (2,))],
    ]


def test_what_acts_keeps_its_order_and_its_own_container() -> None:
    several = [
        asked("db-0", "server", "a", mutating=True),
        asked("db-0", "watcher", "b", mutating=True),
        asked("db-0", "server", "c", mutating=True),
    ]
    (line,) = asking.sessions(SITE, KNOWN, several, value)
    assert [(one.container, one.at) for one in line] == [
        ("server", (0,)), ("watcher", (1,)), ("server", (2,)),
    ]  # fmt: skip


def test_who_has_no_running_container_is_not_asked() -> None:
    several = [asked("db-0", "other", "a"), asked("db-9", "server", "b")]
    assert asking.sessions(SITE, KNOWN, several, value) == []


def test_a_container_of_the_same_image_answers_for_one_that_is_down() -> None:
    down = pod("db-0-0", "db-0")
    down["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    ((one,),) = asking.sessions(SITE, places([down]), [asked("db-0", "server", "a")], value)
    assert one.container == "watcher"


def test_standard_input_holds_what_can_be_known_here_and_how_to_find_the_rest() -> None:
    text = Text.parse(
        f"{SecretRef('pw')} {AddressRef('db-1')} {AddressRef('db-1', 'ip')} {AddressRef('', 'ip')}"
        f" {FileRef('/run/pw')}"
    )
    one = asked("db-0", "server", "a", stdin=text)
    ((found,),) = asking.sessions(SITE, KNOWN, [one], value)
    assert [part for part in found.runs[0].stdin if part != " "] == [
        "value of pw", "db-1.shop-prod.svc", LookUp("db-1.shop-prod.svc"), "10.1.0.5",
        FileRef("/run/pw"),
    ]  # fmt: skip


NODES = {
    "n1": {
        "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]},
        "spec": {"podCIDRs": ["10.1.0.0/24"]},
    }
}


def test_a_script_for_a_node_means_the_processes_of_the_container() -> None:
    job = NodeJob(seat("db-0"), "server", Text((f"{SIGNAL} STOP; {START}",)))
    script = Filling(SITE, KNOWN, value, {}).script(job)
    assert script.startswith("find /sys/fs/cgroup -path \\*abc\\* -name cgroup.procs ")
    assert script.endswith("| xargs kill -s STOP; true")
    assert "$" not in script  # systemd would expand it
    assert "'" not in script  # it stands in quoted words


def test_a_peer_on_a_node_is_the_node_and_all_its_pods() -> None:
    job = NodeJob(seat("db-0"), "", Text((AddressRef("db-1", "ip"),)))
    assert Filling(SITE, KNOWN, value, NODES).script(job) == "192.168.0.1 10.1.0.0/24"
    untold = {"n1": {**NODES["n1"], "spec": {}}}
    assert Filling(SITE, KNOWN, value, untold).script(job) == "192.168.0.1 10.1.0.5"


def test_an_agent_takes_only_what_its_node_has() -> None:
    made = agents.job(SITE, "n1.example.org", "redis:8")
    spec = made["spec"]["template"]["spec"]
    assert spec["nodeName"] == "n1.example.org"
    assert spec["containers"][0]["image"] == "redis:8"
    assert made["metadata"]["namespace"] == "shop-prod-opsctl-nodes"
    assert len(made["metadata"]["name"]) <= 63
    levels = agents.namespace_manifest(SITE)["metadata"]["labels"]
    assert levels["pod-security.kubernetes.io/enforce"] == "privileged"


AGENT = agents.job(SITE, "n", "i")["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("script", [agents.call(5)[2], AGENT["command"][2]])
def test_a_shell_understands_the_agent(script: str) -> None:
    subprocess.run(["sh", "-n"], input=script, text=True, check=True, timeout=10)


def test_a_clock_is_as_sure_as_its_answer_was_quick() -> None:
    ahead, sure = clock_read("1000.5\n", 998.0, 999.0) or (0.0, 0.0)
    assert (ahead, sure) == (2.0, 0.5)
    assert clock_read("1000.%N\n", 999.0, 1000.0) == (1.0, 1.0)
    assert clock_read("what?", 0.0, 1.0) is None


def test_a_line_of_a_log_has_its_time() -> None:
    assert stamped("1970-01-01T00:00:10.250000000Z * Ready") == (10.25, "* Ready")
    assert stamped("1970-01-01T00:00:10Z x") == (10.0, "x")
    assert stamped("unable to retrieve container logs") is None


def test_a_daemon_set_has_a_pod_on_each_node_it_wants_one_on() -> None:
    def pod(name: str, node: str, **more: Any) -> dict[str, Any]:
        owner = {"kind": "DaemonSet", "name": "lb", "controller": True}
        metadata = {"name": name, "ownerReferences": [owner], **more}
        return {"metadata": metadata, "spec": {"nodeName": node} if node else {}}

    def wanting(*pods: dict[str, Any], seen: int = 2) -> str:
        status = {"observedGeneration": seen, "desiredNumberScheduled": 2}
        return missing([{"metadata": {"name": "lb", "generation": 2}, "status": status}], pods)

    assert wanting(pod("a", "n1"), pod("b", "n2")) == ""
    assert wanting(pod("a", "n1"), pod("b", "")) == "lb has 1 of 2 pods"
    assert wanting(pod("a", "n1"), pod("b", "n2", deletionTimestamp="now")) == "lb has 1 of 2 pods"
    assert wanting(pod("a", "n1"), pod("b", "n2"), seen=1) == "the cluster has not looked at lb yet"
    assert missing([], []) == ""


def test_a_member_of_no_node_yet_becomes_one_on_each_node_that_has_its_pod() -> None:
    here = Seat("lb", "balancer", "", "", "image", near_clients=True)
    known = {
        name: Place("p", node, "", {})
        for name, node in {"lb-n1": "n1", "lb-n2": "n2", "db-0": "n3"}.items()
    }
    found = located(here, known)
    assert [(one.member, one.node) for one in found] == [("lb-n1", "n1"), ("lb-n2", "n2")]
    assert located(here, {}) == (here,)
    assert located(Seat("db-0", "server", "", "", "image"), known)[0].node == "n3"
