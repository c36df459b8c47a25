"""What `render monitoring` writes for the Prometheus Operator, beside a real one.

Its README is followed to the letter: its commands are run, its selectors are put into the
`Prometheus` object. There is no cluster: a bare API server has the environment's objects, pods are
named by a fake (see fake_controllers.py), and a real Prometheus on this machine runs what the
Operator made. Building the Operator from nothing took 400 s of CPU, so this is run by `make soak`.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import ApiServer
from cluster_site import await_until
from fake_controllers import controllers, pod_of
from lab_site import OPSCTL
from operator_world import THEIRS, Theirs, asked, of_the_image, operator, prometheus, shake_hands

from opsctl import wiring
from opsctl.flow.looking import make_plan
from opsctl.lab.folder import cache_root
from opsctl.lab.kubernetes import program
from opsctl.planning.desired import Scope
from opsctl.planning.plan import Plan
from opsctl.ports import Work
from opsctl.targets.kubernetes import KubernetesTarget

pytestmark = [pytest.mark.kubernetes, pytest.mark.soak, pytest.mark.timeout(1800)]
SPEC = """\
opsctl: 1
name: {name}
targets:
  dc: {{kubernetes: {{}}}}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    memory: 64MiB
    slo: {{availability: 99}}
    backup: {{schedule: '59 23 31 12 *', keep: 1h}}
  cache: {{engine: redis, on: dc, mode: replication, replicas: 1, memory: 64MiB}}
routes:
  sessions: {{to: sessions}}
monitoring:
  on: dc
  prometheus: {{url: "http://127.0.0.1:9090"}}
"""
NODES = ("n1.example", "n2.example", "n3.example")
KINDS = "podmonitors,prometheusrules"
# By service: the kinds of server that are asked.
JOBS = {
    "sessions": {"redis", "sentinel", "backup"},
    "cache": {"redis"},
    "balancer-dc": {"haproxy"},
    "hosts-dc": {"node"},
    "reach-dc": {"blackbox"},
    "probe-dc": {"probe"},
}


@dataclass(frozen=True)
class Home:
    """The environment, and what was written for the Operator in its folder `given`."""

    server: ApiServer
    folder: Path
    name: str

    @property
    def rooms(self) -> tuple[str, str]:
        return self.name, f"{self.name}-opsctl-nodes"

    @property
    def given(self) -> Path:
        return self.folder / "given"

    @property
    def readme(self) -> str:
        return (self.given / "README.md").read_text()

    @property
    def written(self) -> dict[str, dict[str, Any]]:
        """By kind and name."""
        documents = [yaml.safe_load(one.read_text()) for one in sorted(self.given.glob("*.yaml"))]
        return {f"{one['kind']}/{one['metadata']['name']}": one for one in documents}

    def kept(self) -> dict[str, dict[str, Any]]:
        """The same as the API server has them."""
        found = json.loads(self.kubectl("get", KINDS, "-o", "json"))["items"]
        return {f"{one['kind']}/{one['metadata']['name']}": one for one in found}

    def kubectl(self, *words: str) -> str:
        return self.server.kubectl("-n", self.name, *words)

    def run(self, script: str, cwd: Path) -> str:
        """As a person runs it who has opsctl and kubectl."""
        argv = ["bash", "-euo", "pipefail", "-c", script]
        ended = subprocess.run(
            argv, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
        )
        assert ended.returncode == 0, f"{script}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def steps(self, language: str) -> list[str]:
        """What the README says to do, in its order."""
        return re.findall(rf"```{language}\n(.*?)```", self.readme, re.DOTALL)

    def write(self, spec: str) -> None:
        (self.folder / "opsctl.yaml").write_text(spec)
        self.run("opsctl render monitoring given", self.folder)

    def hand_over(self) -> None:
        """Passwords and certificates."""
        self.run(self.steps("sh")[0], self.folder)

    def bring_out(self) -> str:
        """The objects."""
        return self.run(self.steps("sh")[1], self.given)

    def let_see(self, account: str) -> None:
        words = self.steps("sh")[2]
        assert "account=monitoring:prometheus-k8s\n" in words
        script = words.replace("monitoring:prometheus-k8s", account)
        self.run(script, self.folder)

    @property
    def target(self) -> KubernetesTarget:
        found = wiring.parts([self.folder / "opsctl.yaml"]).targets["dc"]
        assert isinstance(found, KubernetesTarget)
        return found

    def plan(self) -> Plan:
        return make_plan(wiring.parts([self.folder / "opsctl.yaml"]), Scope())[0]

    def apply(self) -> None:
        """Sends everything that is planned, without the gates: no server runs that could answer."""
        plan, seen = make_plan(wiring.parts([self.folder / "opsctl.yaml"]), Scope())
        resources = {one.id: one for one in seen.desired.resources}
        work = [
            Work(
                f"dc/{room}",
                write=tuple(resources[one.id] for one in mine if one.id in resources),
                remove=tuple(one.id for one in mine if one.verb == "remove"),
                step="all",
            )
            for room in self.rooms
            if (mine := [one for one in plan.changes if one.id.where == f"dc/{room}"])
        ]
        target = self.target
        fence = target.acquire("test", 60)
        with controllers(target.api):
            outcomes = target.apply(work, fence, lambda event: None)
        target.release(fence)
        assert [one.error for one in outcomes.values()] == [None] * len(work)

    def place(self) -> None:
        """Pods of what is on each node, and for every pod a node and an address."""
        for room in self.rooms:
            for owner in self._items(room, "daemonsets"):
                for node in NODES:
                    made = pod_of(owner)
                    made["metadata"]["name"] += f"-{node[:2]}"
                    made["spec"]["nodeName"] = node
                    self._create(room, "pods", made)
        every = [(room, one) for room in self.rooms for one in self._items(room, "pods")]
        for number, (room, pod) in enumerate(every):
            name, node = pod["metadata"]["name"], NODES[number % len(NODES)]
            if not pod["spec"].get("nodeName"):
                self._create(room, f"pods/{name}/binding", binding(name, node))
            ip = f"127.7.0.{number + 1}"
            status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}
            self.target.api.merge(
                f"/api/v1/namespaces/{room}/pods/{name}/status", {"status": status}
            )

    def members(self) -> set[tuple[str, str, str, str]]:
        """(service, member, host, address) of every pod; members of what is on each node bear the
        node's name."""
        found = set()
        for room in self.rooms:
            for pod in self._items(room, "pods"):
                said, node = pod["metadata"]["labels"], pod["spec"]["nodeName"]
                service = said["opsctl.dev/service"]
                member = said.get("opsctl.dev/member") or f"{service}-{node.partition('.')[0]}"
                found.add((service, member, node, pod["status"]["podIP"]))
        return found

    def passwords(self) -> list[str]:
        """Those that the README names."""
        names = re.findall(r"opsctl secrets show (\S+)", self.readme)
        return [self.run(f"opsctl secrets show {name}", self.folder).strip() for name in names]

    def servers(
        self, room: str, service: str, folder: Path, *, mutual: bool
    ) -> Iterator[ssl.SSLContext]:
        """What members of the service prove themselves with, as it lies in their Secrets."""
        for one in self._items(room, f"secrets --selector=opsctl.dev/service={service}"):
            files = {name: base64.b64decode(data) for name, data in one["data"].items()}
            for name, data in files.items():
                (folder / name).write_bytes(data)
            for name in files:
                if name.endswith(".pem") and name != "ca.pem":
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    key = folder / (f"{name}.key" if f"{name}.key" in files else name)
                    context.load_cert_chain(folder / name, key)
                    if mutual:
                        context.load_verify_locations(folder / "ca.pem")
                        context.verify_mode = ssl.CERT_REQUIRED
                    yield context

    def _items(self, room: str, kind: str) -> list[dict[str, Any]]:
        found = self.server.kubectl("-n", room, "get", *kind.split(), "-o", "json")
        items: list[dict[str, Any]] = json.loads(found)["items"]
        return items

    def _create(self, room: str, what: str, document: Mapping[str, Any]) -> None:
        self.target.api.create(f"/api/v1/namespaces/{room}/{what}", dict(document))


def binding(pod: str, node: str) -> dict[str, Any]:
    """What a scheduler says."""
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": pod},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    }


@pytest.fixture(scope="module")
def home(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The environment applied, its pods placed, and nothing handed over yet."""
    name = f"shop-{secrets.token_hex(3)}"
    found = Home(api_server, tmp_path_factory.mktemp("home"), name)
    built = [program(name, print) for name in ("kubectl", "prometheus-operator")]
    programs = [str(OPSCTL.parent), str(built[0].parent)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPSCTL_CACHE", str(cache_root()))  # what was built stays where it is
        for kind in ("CACHE", "CONFIG", "STATE"):
            patch.setenv(f"XDG_{kind}_HOME", str(found.folder / kind.lower()))
        patch.setenv("KUBECONFIG", str(api_server.kubeconfig))
        patch.setenv("PATH", os.pathsep.join([*programs, os.environ["PATH"]]))
        found.write(SPEC.format(name=name))
        found.run("opsctl secrets init", found.folder)
        found.apply()
        found.place()
        yield found


@pytest.fixture(scope="module")
def theirs(
    api_server: ApiServer, home: Home, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Theirs]:
    """The Operator runs, and everything was done that the README says."""
    folder, namespace = tmp_path_factory.mktemp("theirs"), f"{home.name}-theirs"
    with ExitStack() as stack:
        stack.enter_context(operator(api_server, folder))
        api_server.kubectl("create", "namespace", namespace)
        found = Theirs(api_server, namespace, folder)
        home.hand_over()
        home.bring_out()
        (selectors,) = home.steps("yaml")
        found.make(yaml.safe_load(selectors))
        home.let_see(f"{namespace}:{THEIRS}")
        until_chosen(home, found)
        yield found


@pytest.fixture(scope="module")
def collecting(theirs: Theirs) -> Iterator[str]:
    """A Prometheus that runs what the Operator made of it; where it answers."""
    with prometheus(theirs.folder, theirs.laid_out()) as url:
        yield url


def until_chosen(home: Home, theirs: Theirs) -> None:
    """Every PodMonitor is a job, every group of rules is there, and no other."""
    monitors = {name for kind, _, name in map(parted, home.written) if kind == "PodMonitor"}
    groups = {
        group["name"]
        for one in home.written.values()
        if one["kind"] == "PrometheusRule"
        for group in one["spec"]["groups"]
    }
    await_until(
        lambda: (set(theirs.jobs()), set(theirs.groups())),
        lambda seen: seen == (monitors, groups),
        f"{monitors} and {groups} to be chosen",
        120,
    )


def warnings(home: Home) -> list[str]:
    """What events say of anything in the environment's namespace."""
    found = json.loads(home.kubectl("get", "events", "-o", "json"))["items"]
    return [str(one.get("message") or one.get("note")) for one in found]


def until_taken(home: Home) -> None:
    """The Operator says of every object that it takes it."""
    taken = {name: [("True", "")] for name in home.written}
    await_until(lambda: verdicts(home), lambda found: found == taken, "every object to be taken")


def parted(name: str) -> tuple[str, str, str]:
    return name.partition("/")


def verdicts(home: Home) -> dict[str, list[tuple[str, str]]]:
    """By object, whether the Operator takes it, and why not."""
    return {
        name: [
            (said["status"], said.get("message", ""))
            for bound in one.get("status", {}).get("bindings", ())
            for said in bound["conditions"]
        ]
        for name, one in home.kept().items()
    }


def holds(kept: Any, written: Any) -> bool:
    """Whether all that was written is kept; a schema may add what is left out."""
    if isinstance(written, dict):
        return isinstance(kept, dict) and all(
            name in kept and holds(kept[name], value) for name, value in written.items()
        )
    if isinstance(written, list):
        return len(kept) == len(written) and all(map(holds, kept, written))
    return bool(kept == written)


def test_the_real_schema_keeps_every_field_of_every_object(home: Home, theirs: Theirs) -> None:
    kept = home.kept()
    assert kept.keys() == home.written.keys()
    for name, one in home.written.items():
        assert holds(kept[name]["spec"], one["spec"]), name


def test_the_operator_takes_every_object(home: Home, theirs: Theirs) -> None:
    until_taken(home)
    assert warnings(home) == []


def test_what_it_makes_of_them_passes_promtools_check(theirs: Theirs) -> None:
    argv = [*of_the_image("promtool"), "check", "config", str(theirs.laid_out())]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_prometheus_finds_every_member_with_the_labels_that_rules_count_on(
    home: Home, collecting: str
) -> None:
    wanted = {
        (service, member, host, address, job)
        for service, member, host, address in home.members()
        for job in JOBS[service]
    }

    def found() -> set[tuple[str, ...]]:
        targets = asked(collecting, "targets?state=active")["activeTargets"]
        assert {one["labels"]["environment"] for one in targets} <= {home.name}
        return {called(one["labels"], one["discoveredLabels"]) for one in targets}

    def called(labels: Mapping[str, str], raw: Mapping[str, str]) -> tuple[str, ...]:
        said = (labels[name] for name in ("service", "member", "host"))
        return (*said, raw["__meta_kubernetes_pod_ip"], labels["job"])

    await_until(found, lambda seen: seen == wanted, f"exactly {sorted(wanted)}")


def test_it_asks_each_as_the_member_wants_to_be_asked(home: Home, collecting: str) -> None:
    targets = asked(collecting, "targets?state=active")["activeTargets"]
    paths = {
        one["labels"]["job"]: one["scrapeUrl"].partition("//")[2].partition("/")[2]
        for one in targets
    }
    assert {one["scrapeUrl"].partition(":")[0] for one in targets} == {"https"}
    assert {(one["scrapeInterval"], one["scrapeTimeout"]) for one in targets} == {("5s", "4s")}
    assert paths["redis"] == "metrics"
    assert paths["sentinel"].startswith("scrape?target=redis")
    assert f"target=sessions.{home.name}.svc" in paths["blackbox"]
    (knocked, *_) = [one["labels"] for one in targets if one["labels"]["job"] == "blackbox"]
    assert (knocked["route"], knocked["to"]) == ("sessions", "sessions")


def test_it_and_the_members_believe_each_other_and_it_knows_their_passwords(
    home: Home, theirs: Theirs, tmp_path: Path
) -> None:
    jobs = yaml.safe_load(theirs.laid_out().read_text())["scrape_configs"]
    ways = {one["job_name"].split("/")[2]: one for one in jobs}
    passwords = home.passwords()
    for name, one in home.written.items():
        kind, _, short = parted(name)
        if kind != "PodMonitor":
            continue
        tls, spec = ways[short]["tls_config"], one["spec"]
        client = ssl.create_default_context(cafile=tls["ca_file"])
        if "cert_file" in tls:
            client.load_cert_chain(tls["cert_file"], tls["key_file"])
        else:
            assert ways[short]["basic_auth"]["password"] in passwords
        (room,) = spec["namespaceSelector"]["matchNames"]
        service = spec["selector"]["matchLabels"]["opsctl.dev/service"]
        servers = list(home.servers(room, service, tmp_path, mutual="cert_file" in tls))
        assert servers, name
        for server in servers:
            shake_hands(server, client, tls["server_name"])


def test_it_looks_at_every_rule_as_often_as_alerts_count_on(home: Home, collecting: str) -> None:
    written = {
        group["name"]: [rule.get("alert") or rule["record"] for rule in group["rules"]]
        for one in home.written.values()
        if one["kind"] == "PrometheusRule"
        for group in one["spec"]["groups"]
    }
    groups = await_until(
        lambda: asked(collecting, "rules")["groups"],
        lambda found: all(rule["health"] != "unknown" for one in found for rule in one["rules"]),
        "every rule to be looked at",
        90,
    )
    assert {one["name"]: [rule["name"] for rule in one["rules"]] for one in groups} == written
    assert {rule["health"] for one in groups for rule in one["rules"]} == {"ok"}
    seldom = {one["name"] for one in groups if one["interval"] == 30}
    assert {one["interval"] for one in groups} == {5, 30}
    assert all(name.count("/") > 1 for name in seldom)


def test_nothing_is_to_do_while_the_operator_writes_into_the_objects(
    home: Home, theirs: Theirs
) -> None:
    assert any(verdicts(home).values())
    plan = home.plan()
    assert plan.empty, [(one.id, one.fields, one.diff) for one in plan.changes]
    home.run("opsctl render monitoring given", home.folder)
    home.run(f"kubectl -n {home.name} diff -f .", home.given)
    said = home.bring_out().splitlines()
    assert said
    assert all(line.endswith(" unchanged") for line in said), said


def test_a_secret_that_is_missing_is_named_and_taken_in_once_it_is_there(
    home: Home, theirs: Theirs
) -> None:
    wants = {
        name for name, one in home.written.items() if "scrape-client" in json.dumps(one["spec"])
    }
    assert wants
    home.kubectl("delete", "secret", "scrape-client")
    refused = await_until(
        lambda: {name: said for name, said in verdicts(home).items() if ("True", "") not in said},
        lambda found: found.keys() == wants,
        f"{wants} to be refused",
    )
    assert all("scrape-client" in message for said in refused.values() for _, message in said)
    await_until(
        lambda: warnings(home),
        lambda found: any("scrape-client" in words for words in found),
        "an event that names it",
    )
    home.hand_over()
    until_chosen(home, theirs)
    until_taken(home)


def test_a_service_that_goes_takes_its_jobs_and_rules_along(home: Home, theirs: Theirs) -> None:
    spec = (home.folder / "opsctl.yaml").read_text()
    line = next(line for line in spec.splitlines(keepends=True) if line.startswith("  cache:"))
    before = set(home.written)
    home.write(spec.replace(line, ""))
    gone = before - set(home.written)
    assert {parted(name)[0] for name in gone} == {"PodMonitor", "PrometheusRule"}
    said = home.bring_out().splitlines()
    assert sum(line.endswith(" pruned") for line in said) == len(gone)
    assert home.kept().keys() == home.written.keys()
    until_chosen(home, theirs)
