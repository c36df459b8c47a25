"""Monitoring in a cluster: everything is asked by those who ask the cluster where it is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cluster_site import Home, await_until, home
from monitoring_client import Webhook, webhook

from benchmarks.paging.book import RESULTS, Book, Seen
from benchmarks.paging.faults import IN_A_CLUSTER
from opsctl.lab.kubernetes import Cluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(900)]
SPEC = """\
opsctl: 1
name: {name}
targets:
  dc:
    kubernetes:
      tolerations: [{{key: node-role.kubernetes.io/control-plane, operator: Exists}}]
services:
  sessions:
    engine: redis
    on: dc
    mode: replication
    replicas: 1
    memory: 64MiB
    slo: {{availability: 99}}
    backup: {{schedule: '59 23 31 12 *', keep: 1h}}
routes:
  sessions: {{to: sessions}}
"""
MONITORING = """\
monitoring:
  on: dc
  alertmanager: {receivers: [{name: oncall, webhook: {secret: oncall}}]}
"""
NODES = ("n1", "n2", "n3", "n4")
PAIR = ("metrics-dc-0", "metrics-dc-1")
TARGETS = {
    "sessions-0/redis",
    "sessions-0/backup",
    *(f"{member}/prometheus" for member in PAIR),
    *(f"alerts-dc-{n}/alertmanager" for n in range(2)),
    *(f"reach-dc-{n}/blackbox" for n in range(2)),
    *(f"probe-dc-{n}/probe" for n in range(2)),
    *(f"balancer-dc-{node}/haproxy" for node in NODES),
    *(f"hosts-dc-{node}/node" for node in NODES),
}
ASK = """\
import base64, json, ssl, sys, urllib.parse, urllib.request
login = "opsctl:" + open("/etc/opsctl/web.password").read().strip()
url = "https://metrics-dc-0:9090/api/v1/query?" + urllib.parse.urlencode({"query": sys.argv[1]})
asked = urllib.request.Request(url)
asked.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
trust = ssl.create_default_context(cafile="/etc/opsctl/ca.pem")
print(urllib.request.urlopen(asked, timeout=10, context=trust).read().decode())
"""
PLAIN = """\
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=10).status)
except Exception as error:
    print(getattr(error, "code", "cut"))
"""


def said(site: Home, member: str, *words: str) -> str:
    """What a program of the image says beside a member."""
    return site.kubectl("exec", f"{member}-0", "--", "python3", "-I", *words)


def targets(site: Home, member: str = "metrics-dc-0") -> dict[str, str]:
    """By "member/job": up, or why not."""
    lines = said(site, member, "/etc/opsctl/ask.py", "health").splitlines()
    found = dict(line.split("\t") for line in lines)
    marked = ((name.removeprefix("target "), well) for name, well in found.items())
    return {name: well for name, well in marked if name in TARGETS or name.startswith("sessions-")}


def values(site: Home, expression: str) -> list[tuple[dict[str, str], float]]:
    """What an expression gives now: labels and value."""
    found = json.loads(said(site, "metrics-dc-0", "-c", ASK, expression))
    return [(one["metric"], float(one["value"][1])) for one in found["data"]["result"]]


def series(site: Home, expression: str) -> list[dict[str, str]]:
    """The labels alone."""
    return [labels for labels, _ in values(site, expression)]


@pytest.fixture(scope="module")
def plain(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    found = home(cluster, tmp_path_factory.mktemp("monitoring"), SPEC)
    try:
        yield found
    finally:
        found.away()


@pytest.fixture(scope="module")
def heard(plain: Home) -> Iterator[Webhook]:
    with webhook(plain.site) as one:
        plain.site.ok("secrets", "set", "oncall", text=one.url)
        yield one


@pytest.fixture(scope="module")
def site(plain: Home, heard: Webhook) -> Home:
    plain.site.write(plain.site.spec + MONITORING)
    plain.site.ok("apply", "--yes", "--max-impact", "failover", timeout=600)
    return plain


def test_everything_is_watched_and_a_second_plan_is_empty(site: Home) -> None:
    for member in PAIR:
        await_until(
            lambda member=member: targets(site, member),
            lambda found: found == dict.fromkeys(TARGETS, "up"),
            "every target to be up", 120,
        )  # fmt: skip
    site.site.assert_converged()


def test_everything_has_the_labels_that_say_whose_it_is(site: Home) -> None:
    found = series(site, f'up{{environment="{site.namespace}"}}')
    assert {f"{one['member']}/{one['job']}" for one in found} == TARGETS
    assert {one["host"] for one in found} == set(NODES)
    placed = {one["metadata"]["labels"].get("opsctl.dev/member"): one["spec"]["nodeName"]
              for one in site.items("pods")}  # fmt: skip
    (redis,) = (one for one in found if one["job"] == "redis")
    assert redis["host"] == placed["sessions-0"]
    assert redis["service"] == "sessions"


def test_services_stay_restricted_and_who_looks_at_nodes_is_elsewhere(site: Home) -> None:
    words = ("get", "namespace", site.namespace, f"{site.namespace}-opsctl-nodes", "-o", "json")
    found = json.loads(site.cluster.kubectl(*words))["items"]
    enforced = "pod-security.kubernetes.io/enforce"
    assert [one["metadata"]["labels"][enforced] for one in found] == ["restricted", "privileged"]
    sizes = series(site, 'node_filesystem_size_bytes{mountpoint="/"}')
    assert {one["host"] for one in sizes} == set(NODES)


def test_the_route_is_used_as_clients_do_and_reached_from_two_pods(site: Home) -> None:
    route = f'route="sessions", to="sessions", address="sessions.{site.namespace}.svc"'
    reached = f"probe_success{{{route}}}"
    await_until(
        lambda: {labels["member"]: value for labels, value in values(site, reached)},
        lambda found: found == {"reach-dc-0": 1.0, "reach-dc-1": 1.0},
        "the route to be reached", 120,
    )  # fmt: skip
    served = 'opsctl_probe_attempts_total{to="sessions", outcome=~"ok|slow"} >= 3'
    await_until(
        lambda: {labels["member"] for labels in series(site, served)},
        lambda members: members == {"probe-dc-0", "probe-dc-1"},
        "tries that are served",
        120,
    )
    told = "slo:tries_bad:ratio5m"
    await_until(lambda: series(site, told), bool, "the promise's own rules", 120)


def test_no_panel_is_empty(site: Home) -> None:
    await_until(
        lambda: site.site.run("dashboards", "check"),
        lambda ended: ended.exit == 0, "panels that all show something", 180, show=True,
    )  # fmt: skip


def test_when_the_cron_job_made_a_backup_is_told_and_when_it_was_checked(site: Home) -> None:
    def told(what: str) -> float:
        metric = f"opsctl_backup_{what}_timestamp_seconds"
        found = values(site, f'{metric}{{of_service="sessions", of_member="sessions-0"}} > 0')
        return found[0][1] if found else 0.0

    assert told("made") == 0.0
    site.kubectl("create", "job", "--from=cronjob/sessions-0-backup", "now")
    made = await_until(lambda: told("made"), bool, "a backup", 180)
    site.site.ok("backup", "verify", "sessions", "--yes")
    assert await_until(lambda: told("verified"), bool, "its check", 60) >= made
    age = 'backup:age:seconds{service="sessions"}'
    await_until(lambda: values(site, age), bool, "the rules of backups", 120)


def test_numbers_and_alerts_come_through_a_tunnel(site: Home) -> None:
    firing = site.site.ok("alerts", "list", "--firing", "--output", "json").json()
    assert "Watchdog" in {one["alert"] for one in firing["alerts"]}
    status = site.site.ok("status", "--output", "json").json()
    assert any(one["live"] for one in status["services"])


def test_everything_proves_itself_and_is_asked_over_tls_alone(site: Home) -> None:
    certs = site.site.ok("cert", "list", "--output", "json").json()["certificates"]
    assert {one["amiss"] for one in certs} == {""}
    assert {one["service"] for one in certs} == {
        "sessions", "balancer-dc", "hosts-dc", "alerts-dc", "reach-dc", "probe-dc", "metrics-dc",
    }  # fmt: skip
    for place in ("alerts-dc-0:9093", "sessions-0:9121", "sessions-0:9122", "probe-dc-0:9590"):
        answer = said(site, "metrics-dc-0", "-c", PLAIN, f"http://{place}/metrics").strip()
        assert answer in ("400", "cut"), place


def test_no_configuration_that_people_may_read_holds_a_secret(site: Home, heard: Webhook) -> None:
    text = site.kubectl("get", "configmaps,statefulsets,daemonsets", "-o", "yaml")
    text += said(site, "metrics-dc-0", "-c", "print(open('/etc/opsctl/prometheus.yml').read())")
    assert heard.url not in text
    for name in ("metrics-dc/user/opsctl", "sessions/user/opsctl-metrics",
                 "sessions/user/opsctl-probe"):  # fmt: skip
        assert site.site.ok("secrets", "show", name).out.strip() not in text


def test_a_primary_that_hangs_is_told_and_that_it_is_back(site: Home, heard: Webhook) -> None:
    (pod,) = (one for one in site.items("pods") if one["metadata"]["name"] == "sessions-0-0")
    (inside,) = (one for one in pod["status"]["containerStatuses"] if one["name"] == "redis")
    container = inside["containerID"].rpartition("//")[2]
    find = f"find /sys/fs/cgroup -path '*{container}*' -name cgroup.procs -exec cat {{}} +"

    def send(signal: str) -> None:
        """To the server alone: programs that ask it come and go."""
        mine = f"for one in $({find} | sort -u); do grep -qs redis-server /proc/$one/comm"
        site.site.shell(pod["spec"]["nodeName"], f"{mine} && kill -s {signal} $one; done; true")

    send("STOP")
    try:
        fired = heard.until("RedisDown", "firing", member="sessions-0")
    finally:
        send("CONT")
    assert fired["labels"]["severity"] == "page"
    assert fired["labels"]["host"] == pod["spec"]["nodeName"]
    heard.until("RedisDown", "resolved", member="sessions-0")


def test_a_member_that_joins_is_watched_by_the_same_apply(site: Home) -> None:
    before = site.pods()
    site.site.edit("replicas: 1", "replicas: 2")
    site.site.apply()
    for member in PAIR:
        assert targets(site, member).get("sessions-1/redis") == "up"
    after = site.pods()
    assert {name: after[name] for name in before} == before  # rules were taken in by a reload
    site.site.assert_converged()


@contextmanager
def cordoned(cluster: Cluster) -> Iterator[None]:
    """No node takes a new pod."""
    cluster.kubectl("cordon", *NODES)
    try:
        yield
    finally:
        cluster.kubectl("uncordon", *NODES)


@pytest.mark.soak  # the page is held for a minute
def test_a_member_that_no_node_takes_is_told_and_that_it_is_found_again(
    site: Home, heard: Webhook
) -> None:
    (fault,) = IN_A_CLUSTER
    (page,) = fault.pages
    labels = {"member": "sessions-1", "environment": site.namespace, "severity": "page"}
    with cordoned(site.cluster):
        began = time.monotonic()
        site.kubectl("delete", "pod", "sessions-1-0", "--wait=false")
        told = heard.since(began, page, "firing", 300, labels)
    undone = time.monotonic()
    over = heard.since(told.at, page, "resolved", 300, labels)
    seen = Seen(page, fault.words, round(told.at - began, 1), round(over.at - undone, 1))
    Book(RESULTS).add(seen)
    site.await_whole(2)


def test_what_looks_at_nodes_and_the_right_to_ask_go_with_their_services(site: Home) -> None:
    site.site.ok("destroy", "hosts-dc", "metrics-dc", "--yes", "--max-impact", "failover")
    nodes = f"{site.namespace}-opsctl-nodes"
    left = ("get", "daemonsets,secrets,roles,rolebindings", "-n", nodes, "-o", "name")
    assert site.cluster.kubectl(*left) == ""
    assert site.kubectl("get", "roles,rolebindings", "-o", "name") == ""
    assert not any(name.startswith("metrics-dc") for name in site.pods())
