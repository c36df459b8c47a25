"""The doors into pods and onto nodes, on a real cluster: programs, logs, tunnels, nodes, holds."""

from __future__ import annotations

import json
import os
import pty
import secrets as random
import select
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pytest

from opsctl.drills.scripts import armed, pause
from opsctl.errors import OpsError
from opsctl.lab.commands import until
from opsctl.lab.kubernetes import Cluster
from opsctl.model import Kubernetes
from opsctl.ports import SIGNAL, Asked, Certified, Fence, NodeJob, Upkeep
from opsctl.targets.kubernetes import agents
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.clock import Clock
from opsctl.targets.kubernetes.connection import Connection
from opsctl.targets.kubernetes.holding import HOLD, SCRIPT
from opsctl.targets.kubernetes.locking import Lock
from opsctl.targets.kubernetes.pinning import pin
from opsctl.targets.kubernetes.reaching import Reach
from opsctl.targets.kubernetes.site import RUN, SOURCES, Site
from opsctl.workload import AddressRef, Answer, CertRef, FileRef, Pin, Query, Seat, SecretRef, Text

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1200)]
Kubernetes.model_rebuild()
SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
SERVE = "echo hello >&2; cd /tmp; echo served > word; exec python3 -u -m http.server 8080"
WATCH = f"sh {SOURCES}/{SCRIPT} resume watcher; echo began; exec sleep 100000"


class Secrets:
    """One value; the derived ones are tested elsewhere."""

    key = b"k" * 32

    def value(self, ref: SecretRef) -> str | None:
        return "s3cret" if ref.name == "pw" else None

    def certificate(self, ref: CertRef) -> str | None:
        return None

    def certified(self, pem: str) -> Certified | None:
        return None


@dataclass
class Stage:
    """Two members of a service, db-0 on n2 and db-1 on n3, and a third whose pod can't start."""

    cluster: Cluster
    namespace: str
    power: list[tuple[tuple[str, ...], float]] = field(default_factory=list)

    @cached_property
    def site(self) -> Site:
        return Site("prod", "shop", self.namespace, Kubernetes())

    @cached_property
    def api(self) -> Api:
        return Api(Connection(None, self.cluster.kubeconfig), "prod", self.namespace)

    @cached_property
    def lock(self) -> Lock:
        return Lock(self.api, self.site, Clock(self.api))

    @cached_property
    def reach(self) -> Reach:
        return Reach(self.api, self.site, Secrets(), self.lock.check, self.cut_power)

    def cut_power(self, nodes: tuple[str, ...], seconds: float) -> tuple[float, float]:
        self.power.append((nodes, seconds))
        return 1.0, 2.0

    @cached_property
    def fence(self) -> Fence:
        return self.lock.acquire("the test", 1200)

    def kubectl(self, *words: str, text: str | None = None) -> str:
        return self.cluster.kubectl("-n", self.namespace, *words, text=text, timeout=180)

    def status(self, member: str, container: str = "server") -> dict[str, Any]:
        found = json.loads(self.kubectl("get", "pod", f"{member}-0", "-o", "json"))
        several = found["status"].get("containerStatuses", [])
        return next((one for one in several if one["name"] == container), {})

    def restarts(self, member: str, container: str = "server") -> int:
        return int(self.status(member, container).get("restartCount", 0))

    def up(self, member: str, container: str = "server") -> bool:
        return "running" in self.status(member, container).get("state", {})

    def ask(self, *asked: Asked) -> dict[str, tuple[Answer, ...]]:
        given = self.reach.ask(asked)
        return {f"{member}/{component}": said for (member, component), said in given.items()}

    def one(self, script: str, *stdin: Any, timeout: float = 5.0, member: str = "db-0") -> Answer:
        (answer,) = self.ask(question(member, "server", script, *stdin, timeout=timeout)).values()
        return answer[0]

    def on_node(self, script: str, member: str = "db-0", component: str = "server") -> Answer:
        job = NodeJob(seat(member), component, Text.parse(script), 30.0)
        (answer,) = self.reach.on_nodes([job], self.fence)
        assert answer is not None
        return answer

    def state(self, word: str) -> str:
        """ "T" for a process of db-0 that is stopped, as its node tells it."""
        found = self.on_node(f"ps -eo s=,args= | grep '{word}' | grep -v grep | cut -c1")
        return "".join(sorted(set(found.stdout.split())))


def seat(member: str) -> Seat:
    return Seat(member, "servers", "", "", "image", {"http": 8080})


def question(
    member: str, component: str, script: str, *stdin: Any, timeout: float = 5.0, acts: bool = False
) -> Asked:
    query = Query(("sh", "-c", script), lambda one: one, Text(stdin), timeout)
    return Asked(seat(member), component, query, acts)


def container(name: str, command: str) -> dict[str, Any]:
    mounts = [
        {"name": "files", "mountPath": SOURCES},
        {"name": "run", "mountPath": RUN},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    return {
        "name": name,
        "image": "redis:8.0",
        "command": ["sh", "-c", command],
        "securityContext": SECURITY,
        "volumeMounts": mounts,
    }


def pod(member: str, node: str, *containers: dict[str, Any]) -> dict[str, Any]:
    labels = {
        "opsctl.dev/environment": "shop",
        "opsctl.dev/service": "db",
        "opsctl.dev/group": "servers",
        "opsctl.dev/member": member,
    }
    volumes: list[dict[str, Any]] = [
        {"name": "files", "configMap": {"name": "files"}},
        {"name": "run", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{member}-0", "labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "nodeSelector": {"kubernetes.io/hostname": node},
            "containers": list(containers),
            "volumes": volumes,
        },
    }


def objects() -> Iterator[dict[str, Any]]:
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "files"},
        "data": {SCRIPT: HOLD, "password": "it's secret\n"},
    }
    for member, node in (("db-0", "n2"), ("db-1", "n3")):
        yield pod(member, node, container("server", SERVE), container("watcher", WATCH))
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": member},
            "spec": {
                "selector": {"opsctl.dev/member": member},
                "ports": [{"port": 8080}],
            },
        }
    yield pod("db-2", "nowhere", container("server", SERVE))


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    namespace = f"pods-{random.token_hex(3)}"
    cluster.kubectl("create", "namespace", namespace)
    made = Stage(cluster, namespace)
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects())}
    made.kubectl("apply", "-f", "-", text=json.dumps(listed))
    ready = ("--for=condition=Ready", "--timeout=120s")
    made.kubectl("wait", "pod/db-0-0", "pod/db-1-0", *ready)
    yield made
    for one in (namespace, agents.namespace(made.site)):
        cluster.kubectl("delete", "namespace", one, "--ignore-not-found", timeout=180)


@pytest.fixture
def whole(stage: Stage) -> Stage:
    """Both members run."""
    for member in ("db-0", "db-1"):
        until(lambda one=member: stage.up(one), what=f"{member} to run", timeout=120, pause=0.5)
    return stage


def await_true(holds: Callable[[], bool], what: str, timeout: float = 60.0) -> None:
    until(holds, what=what, timeout=timeout, pause=0.3)


def test_members_answer_side_by_side_each_in_order(whole: Stage) -> None:
    said = whole.ask(
        question("db-0", "server", "hostname"),
        question("db-0", "watcher", "cat; exit 4", "from here"),
        question("db-1", "server", "hostname"),
        question("db-0", "server", "cat", "again"),
    )
    assert said == {
        "db-0/server": (Answer(0, "db-0-0\n"), Answer(0, "again")),
        "db-0/watcher": (Answer(4, "from here"),),
        "db-1/server": (Answer(0, "db-1-0\n"),),
    }


def test_standard_input_is_filled_in_here_and_in_the_pod(whole: Stage) -> None:
    parts = (
        SecretRef("pw"), "|", FileRef(f"{SOURCES}/password"), "|", AddressRef("db-1"), "|",
        AddressRef("db-1", "ip"), "|", AddressRef("", "ip"),
    )  # fmt: skip
    said = whole.one("cat", *parts).stdout.split("|")
    service = whole.kubectl("get", "service", "db-1", "-o", "jsonpath={.spec.clusterIP}")
    own = whole.kubectl("get", "pod", "db-0-0", "-o", "jsonpath={.status.podIP}")
    assert said == ["s3cret", "it's secret", f"db-1.{whole.namespace}.svc", service, own]


def test_a_secret_that_is_not_known_stops_an_act_and_is_empty_in_a_look(whole: Stage) -> None:
    asked = question("db-0", "server", "cat", "<", SecretRef("other"), ">")
    with pytest.raises(OpsError, match="other is not known"):
        whole.reach.ask([asked])
    pods = whole.api.list(f"/api/v1/namespaces/{whole.namespace}/pods")
    assert whole.reach.questions(pods, [asked])["db-0", "server"] == (Answer(0, "<>"),)


def test_an_answer_of_a_megabyte_is_whole(whole: Stage) -> None:
    said = whole.one("head -c 1048576 /dev/zero | tr '\\0' x; echo done >&2", timeout=30.0)
    assert (said.exit, len(said.stdout), said.stderr) == (0, 1048576, "done\n")


def test_a_large_standard_input_arrives_whole(whole: Stage) -> None:
    assert whole.one("wc -c", "y" * 1_000_000, timeout=30.0).stdout.strip() == "1000000"


def test_what_does_not_end_is_ended_there_and_the_rest_goes_on(whole: Stage) -> None:
    slow = question("db-0", "server", "exec sleep 4321", timeout=1.0)
    after = question("db-0", "server", "echo on")
    first, second = whole.ask(slow, after)["db-0/server"]
    assert (first.exit, first.stderr) == (-1, "sh did not end within 1 s")
    assert second == Answer(0, "on\n")
    assert "sleep 4321" not in whole.one("ps -eo args= | grep -v grep").stdout


def test_who_has_no_pod_or_none_that_runs_is_absent(whole: Stage) -> None:
    said = whole.ask(
        question("db-0", "server", "echo here"),
        question("db-2", "server", "echo here"),
        question("db-9", "server", "echo here"),
    )
    assert list(said) == ["db-0/server"]


def test_an_act_wants_the_newest_fence(whole: Stage) -> None:
    act = question("db-0", "server", "echo did it >> /tmp/acts; cat /tmp/acts", acts=True)
    stale = replace(whole.fence, token=whole.fence.token - 1)
    with pytest.raises(OpsError) as refused:
        whole.reach.ask([act], stale)
    assert refused.value.code == "kubernetes/fenced"
    with pytest.raises(OpsError):
        whole.reach.on_nodes([NodeJob(seat("db-0"), "", Text(("true",)))], stale)
    said = whole.reach.ask([act], whole.fence)["db-0", "server"]
    assert said == (Answer(0, "did it\n"),)


def test_a_tunnel_leads_to_the_member(whole: Stage) -> None:
    with whole.reach.tunnel(seat("db-1"), 8080) as port:
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/word", timeout=20) as answer:
                assert answer.read() == b"served\n"


def test_a_tunnel_to_a_member_without_a_pod_says_so(whole: Stage) -> None:
    with pytest.raises(OpsError, match="db-9 has no pod"):
        whole.reach.tunnel(seat("db-9"), 8080)


def test_beside_a_member_input_output_and_exit_code_are_the_callers(whole: Stage) -> None:
    call = whole.reach.beside(seat("db-0"), ["sh", "-c", "cat; echo aside >&2; exit 9"])
    done = subprocess.run(call, input=b"\x00through\xff" * 50_000, capture_output=True, timeout=60)
    assert done.stdout == b"\x00through\xff" * 50_000
    assert (done.stderr, done.returncode) == (b"aside\n", 9)


def test_beside_a_member_python_reads_a_program_as_a_drills_client_does(whole: Stage) -> None:
    bootstrap = "import sys; exec(sys.stdin.read(int(sys.stdin.readline())))"
    call = whole.reach.beside(seat("db-0"), ["/usr/bin/python3", "-IS", "-c", bootstrap])
    program = "import sys\nprint('ready', flush=True)\nprint(sys.stdin.readline())"
    with subprocess.Popen(
        call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{len(program)}\n{program}")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"  # while more may still come
        process.stdin.write("over\n")
        process.stdin.close()
        assert process.stdout.readline() == "over\n"


def test_what_can_not_be_reached_is_told_as_ssh_does(whole: Stage) -> None:
    call = list(whole.reach.beside(seat("db-0"), ["true"]))
    call[call.index("db-0-0")] = "no-such-pod"
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 255
    assert "no-such-pod" in done.stderr
    assert "Traceback" not in done.stderr


class Terminal:
    """A program with a terminal of its own, as a person has it."""

    def __init__(self, call: list[str]) -> None:
        self.child, self.file = pty.fork()
        if self.child == 0:
            os.execv(call[0], call)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.file, text.encode())

    def await_text(self, text: str) -> None:
        deadline = time.monotonic() + 60
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self.file], [], [], 1.0)[0]:
                self.seen += os.read(self.file, 4096).decode(errors="replace")

    def size(self, columns: int, lines: int) -> None:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def ended(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])


def test_in_a_terminal_there_is_a_terminal_with_its_size_and_keys(whole: Stage) -> None:
    screen = Terminal(list(whole.reach.beside(seat("db-0"), ["sh", "-i"])))
    screen.await_text("$ ")
    screen.size(101, 37)
    screen.type("until [ \"$(stty size)\" = '37 101' ]; do sleep 0.2; done; tty; echo rea''dy\n")
    screen.await_text("ready")
    assert "/dev/pts/" in screen.seen
    screen.type("sleep 1000\n")
    screen.await_text("sleep 1000")
    screen.type("\x03")  # for the program over there
    screen.type("echo af''ter; exit 6\n")
    screen.await_text("after")
    assert screen.ended() == 6


def log(stage: Stage, component: str, lines: int) -> str:
    call = stage.reach.logs(seat("db-0"), component, lines, follow=False)
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_log_reaches_back_beyond_the_last_crash(whole: Stage) -> None:
    before = whole.restarts("db-0")
    assert log(whole, "watcher", 5).splitlines()[-1] == "began"
    whole.on_node(f"{SIGNAL} KILL")
    await_true(lambda: whole.restarts("db-0") > before, "the server to be started again")
    await_true(lambda: whole.up("db-0"), "the server to run")
    await_true(lambda: log(whole, "server", 50).count("hello") >= 2, "both containers' words")
    assert log(whole, "server", 1).count("\n") == 1


def test_a_log_is_followed_from_one_container_into_the_next(whole: Stage) -> None:
    call = whole.reach.logs(seat("db-0"), "watcher", 1, follow=True)
    before = whole.restarts("db-0", "watcher")
    with subprocess.Popen(
        call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "began\n"
        whole.on_node(f"{SIGNAL} KILL", component="watcher")
        assert process.stdout.readline() == "began\n"
        process.terminate()
    assert whole.restarts("db-0", "watcher") > before


def test_what_servers_have_said_since_a_moment_bears_its_time(whole: Stage) -> None:
    since = time.time() - 5
    with whole.reach.tunnel(seat("db-1"), 8080) as port:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/word", timeout=20).close()
    wanted = [(seat("db-1"), "server"), (seat("db-9"), "server")]
    found, lost = whole.reach.log_lines(wanted, since)
    assert lost is None
    assert found is not None
    assert found[0] == "n3"
    assert any("GET /word" in text and since < at < time.time() + 5 for at, text in found[1])


def test_clocks_of_nodes_are_read(whole: Stage) -> None:
    clocks = whole.reach.clocks()
    assert set(clocks) == {"n2", "n3"}
    for ahead, sure in clocks.values():  # the nodes have this machine's clock
        assert abs(ahead) <= sure + 0.01


def test_a_script_runs_on_the_node_itself_as_root(whole: Stage) -> None:
    script = "hostname; id -u; cat /proc/1/comm; test -d /etc/kubernetes && echo a node; exit 3"
    said = whole.on_node(script)
    assert (said.exit, said.stdout.split("\n")[:4]) == (3, ["n2", "0", "systemd", "a node"])


def test_jobs_of_one_node_go_in_order_and_a_member_without_a_pod_has_no_node(whole: Stage) -> None:
    script = Text(("cat /run/order 2>/dev/null; echo more >> /run/order",))
    jobs = [NodeJob(seat(member), "", script) for member in ("db-1", "db-9", "db-1")]
    first, lost, second = whole.reach.on_nodes(jobs, whole.fence)
    assert lost is None
    assert first is not None
    assert second is not None
    assert second.stdout == first.stdout + "more\n"


def test_a_killed_process_is_started_again_and_no_other_is_struck(whole: Stage) -> None:
    before = whole.restarts("db-0"), whole.restarts("db-0", "watcher")
    said = whole.on_node(f"{SIGNAL} KILL")
    assert said.exit == 0, said.stderr
    await_true(lambda: whole.restarts("db-0") > before[0], "the server to be started again")
    assert whole.restarts("db-0", "watcher") == before[1]


def test_a_pause_ends_by_itself_on_the_node(whole: Stage) -> None:
    strike, undo = pause()
    job = NodeJob(seat("db-0"), "server", armed(random.token_hex(3), 15.0, undo, strike))
    (said,) = whole.reach.on_nodes([job], whole.fence)
    assert said is not None
    assert said.stdout.startswith("struck "), said.stderr
    assert whole.state("[h]ttp.server 8080") in ("T", "ST")
    await_true(lambda: whole.state("[h]ttp.server 8080") == "S", "the pause to end")


def test_a_member_s_peers_are_whole_nodes(whole: Stage) -> None:
    job = NodeJob(seat("db-0"), "", Text(("echo ", AddressRef("db-1", "ip"))))
    (said,) = whole.reach.on_nodes([job], whole.fence)
    assert said is not None
    about = json.loads(whole.kubectl("get", "node", "n3", "-o", "json"))
    pod = whole.kubectl("get", "pod", "db-1-0", "-o", "jsonpath={.status.podIP}")
    addresses = [one["address"] for one in about["status"]["addresses"]]
    assert said.stdout.split()[0] in addresses
    assert said.stdout.split()[1:] == about["spec"].get("podCIDRs", [pod])


def test_power_is_cut_at_the_members_nodes(whole: Stage) -> None:
    assert whole.reach.cut_power([seat("db-0"), seat("db-1"), seat("db-0")], 7.0) == (1.0, 2.0)
    assert whole.power == [(("n2", "n3"), 7.0)]
    bare = Reach(whole.api, whole.site, Secrets(), whole.lock.check)
    assert bare.cut_power([seat("db-0")], 7.0) is None


def held(seconds: float) -> Upkeep:
    hold, release = (("sh", "-c", f"echo {word} > /tmp/held") for word in ("yes", "no"))
    pins = tuple(
        (seat(member), Pin(member, "watcher", hold, release)) for member in ("db-0", "db-1", "db-2")
    )
    return Upkeep("db", seconds, "the test", pins=pins)


def holds(stage: Stage, member: str) -> str:
    return stage.one("cat /tmp/held", member=member).stdout.strip()


def test_a_hold_outlives_its_container_and_ends_by_itself(whole: Stage) -> None:
    failed = pin(whole.api, whole.site, whole.reach.places(), held(600))
    assert failed == {"prod/db-2": "its pod does not run"}
    assert (holds(whole, "db-0"), holds(whole, "db-1")) == ("yes", "yes")
    before = whole.restarts("db-0", "watcher")
    assert pin(whole.api, whole.site, whole.reach.places(), held(12)) == failed  # a new end
    whole.on_node(f"{SIGNAL} KILL", component="watcher")
    await_true(lambda: whole.restarts("db-0", "watcher") > before, "the watcher to start again")
    await_true(lambda: holds(whole, "db-0") == "no", "the hold of db-0 to end")
    await_true(lambda: holds(whole, "db-1") == "no", "the hold of db-1 to end")


def test_a_hold_is_ended_at_once_when_told(whole: Stage) -> None:
    pin(whole.api, whole.site, whole.reach.places(), held(600))
    pin(whole.api, whole.site, whole.reach.places(), held(0))
    assert (holds(whole, "db-0"), holds(whole, "db-1")) == ("no", "no")


def test_an_agent_that_nobody_uses_goes_by_itself_and_comes_again(whole: Stage) -> None:
    whole.on_node("true")
    space = agents.namespace(whole.site)
    api = replace(whole.api, namespace=space)
    (name,) = (
        one["metadata"]["name"]
        for one in api.list(f"/api/v1/namespaces/{space}/pods")
        if one["spec"]["nodeName"] == "n2"
    )
    api.exec(name, agents.CONTAINER, ("touch", "-d", "1 hour ago", agents.USED))
    path = f"/apis/batch/v1/namespaces/{space}/jobs/{agents.job_name('n2')}"
    await_true(lambda: api.get(path) is None, "the agent to be removed", agents.GONE + 60)
    assert whole.on_node("hostname").stdout == "n2\n"


def test_no_secret_is_in_a_command_line(whole: Stage) -> None:
    asked = question("db-0", "server", "ps -eo args=; cat >/dev/null", SecretRef("pw"))
    said = whole.ask(asked)["db-0/server"][0].stdout
    assert "s3cret" not in said
    assert sys.executable in whole.reach.beside(seat("db-0"), ["true"])
