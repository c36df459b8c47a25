"""What `monitoring:` implies, and what its servers are told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsctl.data import catalogue, renderer
from opsctl.discovery import engines
from opsctl.errors import OpsErrors
from opsctl.flow.describing import told
from opsctl.model import Duration, Environment, ServiceBase, lint, load_data
from opsctl.monitoring import Catalogue, rule_files
from opsctl.targets.kubernetes.seats import Rooms, seats
from opsctl.workload import AddressRef, Directory, Engine, Quiet, Seat, Standing, Workload, in_order
from yaml_reading import read_yaml

HOSTS = {"hosts": {f"n{n}": {"address": f"10.77.0.1{n}"} for n in (1, 2, 3)}}
SESSIONS = {"engine": "redis", "on": "dc", "replicas": 3}
CLUSTER = {"kubernetes": {"namespace": "shop"}}


def spec(monitoring: Mapping[str, Any] | None = None, **more: Any) -> Environment:
    document = {
        "opsctl": 1,
        "name": "shop",
        "targets": {"dc": HOSTS},
        "services": {"sessions": SESSIONS},
        "monitoring": {"on": "dc", **(monitoring or {})},
        **more,
    }
    return load_data(document, engines={name: engine.options for name, engine in engines().items()})


def unbuilt(environment: Environment) -> list[str]:
    return [one.message for one in lint(environment) if one.code == "lint/unsupported"]


def drafted(
    name: str, service: ServiceBase, engine: Engine, seats: Sequence[Seat]
) -> Callable[[Directory], Workload]:
    render = renderer(engine.templates)
    return lambda known: engine.describe(name, service, seats, render, known)


def described(environment: Environment) -> dict[str, Workload]:
    found: dict[str, Workload] = {}
    for name in in_order(environment.services, engines(), environment):
        service = environment.services[name]
        engine = engines()[service.engine]
        seats = [
            Seat(
                f"{name}-{n}", need.group, f"n{n + 1}", "", "debian-13", need.ports,
                f"/etc/{name}-{n}", f"/var/{name}-{n}", f"/run/{name}-{n}",
            )
            for need in engine.needs(service)
            for n in range(3 if need.every else need.count)
        ]  # fmt: skip

        draft = drafted(name, service, engine, seats)
        found[name] = draft(told(environment, name, found, draft, lambda _: Catalogue()))
    return found


# -- what is implied --------------------------------------------------------------------------


def test_two_collect_two_tell_and_every_host_is_measured() -> None:
    services = spec().services
    assert {name: (one.engine, one.replicas) for name, one in services.items()} == {
        "sessions": ("redis", 3),
        "hosts-dc": ("node-exporter", 1),
        "alerts-dc": ("alertmanager", 2),
        "metrics-dc": ("prometheus", 2),
    }
    assert all(one.on == "dc" and one.metrics for one in services.values())
    assert unbuilt(spec()) == []


def test_where_there_is_one_host_there_is_one_of_each() -> None:
    alone = {"dc": {"hosts": {"n1": {"address": "10.77.0.11"}}}}
    services = spec(targets=alone, services={"sessions": {**SESSIONS, "replicas": 1}}).services
    assert services["metrics-dc"].replicas == services["alerts-dc"].replicas == 1


def test_a_person_who_wrote_a_part_gets_no_other_one() -> None:
    own = {"sessions": SESSIONS, "watch": {"engine": "prometheus", "on": "dc"}}
    assert set(spec(services=own).services) == {"sessions", "watch", "alerts-dc", "hosts-dc"}


def test_a_service_that_wants_no_metrics_gives_none() -> None:
    found = described(spec(services={"sessions": {**SESSIONS, "metrics": False}}))
    assert found["sessions"].signals is None
    member = next(found["sessions"].members())
    assert [part.name for part in member.components] == ["sentinel", "redis"]


def test_what_monitoring_says_reaches_those_that_are_made() -> None:
    services = spec(
        {
            "retention": "30d",
            "interval": "30s",
            "remote_write": [{"url": "https://m.example/w"}],
            "alertmanager": {"receivers": [{"name": "oncall", "webhook": {"secret": "url"}}]},
        }
    ).services
    made: Any = services["metrics-dc"]
    assert (made.retention.seconds, made.interval.seconds) == (30 * 86_400, 30)
    assert made.remote_write[0].url == "https://m.example/w"
    teller: Any = services["alerts-dc"]
    assert teller.receivers[0].webhook.secret == "url"


@pytest.mark.parametrize("interval", ["500ms", "31s", "1m", "5m"])
def test_an_interval_with_fewer_than_two_points_a_minute_is_refused_wherever_it_stands(
    interval: str,
) -> None:
    own = {"engine": "prometheus", "on": "dc", "interval": interval}
    for asked in ({"monitoring": {"interval": interval}}, {"services": {"own": own}}):
        with pytest.raises(OpsErrors, match=interval) as refused:
            spec(**asked)
        assert "two points" in refused.value.errors[0].hint


def test_on_a_cluster_the_same_is_implied() -> None:
    environment = spec(targets={"dc": CLUSTER})
    names = {name: (one.engine, one.replicas) for name, one in environment.services.items()}
    assert names == {name: (one.engine, one.replicas) for name, one in spec().services.items()}
    assert environment.services["sessions"].metrics
    assert unbuilt(environment) == []


def test_what_runs_elsewhere_is_not_watched_and_that_is_said() -> None:
    both = {"dc": HOSTS, "far": {"hosts": {"m1": {"address": "10.78.0.11"}}}}
    services = {"sessions": SESSIONS, "away": {**SESSIONS, "on": "far", "replicas": 1}}
    environment = spec(targets=both, services=services)
    assert not environment.services["away"].metrics
    (said,) = unbuilt(environment)
    assert said.startswith("away runs on far")


# -- what they are told -----------------------------------------------------------------------


def file(workload: Workload, name: str) -> str:
    (member, *_) = workload.members()
    (found,) = [
        one for part in member.components for one in part.files if one.path.endswith(f"/{name}")
    ]
    return found.text.masked(lambda ref: f"<{ref.member}>")


def test_everything_is_asked_with_the_labels_that_say_whose_it_is() -> None:
    found = described(spec())
    config = read_yaml(file(found["metrics-dc"], "prometheus.yml"))
    jobs = {one["job_name"]: one for one in config["scrape_configs"]}
    assert set(jobs) == {
        "alerts-dc/alertmanager",
        "hosts-dc/node",
        "metrics-dc/prometheus",
        "sessions/redis",
        "sessions/sentinel",
    }
    assert jobs["sessions/redis"]["static_configs"][1] == {
        "targets": ["<sessions-1>:9121"],
        "labels": {
            "job": "redis",
            "environment": "shop",
            "service": "sessions",
            "member": "sessions-1",
            "host": "n2",
        },
    }
    (asked, *_) = jobs["sessions/sentinel"]["static_configs"]
    assert asked["labels"]["__param_target"] == "redis://127.0.0.1:26379"
    assert jobs["hosts-dc/node"]["basic_auth"]["username"] == "opsctl"
    told_of = [one["static_configs"] for one in config["alerting"]["alertmanagers"]]
    assert told_of == [[{"targets": [f"<alerts-dc-{n}>:9093"]}] for n in (0, 1)]


def in_cluster(environment: Environment, on: Mapping[str, Sequence[str]]) -> dict[str, Workload]:
    """Placed as a cluster places them: members on each node are on those of `on`, by group."""
    found: dict[str, Workload] = {}
    for name in in_order(environment.services, engines(), environment):
        service = environment.services[name]
        engine = engines()[service.engine]
        rooms = Rooms("shop", "shop-opsctl-nodes")
        copies = "/copies" if service.backup else ""
        there = seats(name, engine.needs(service), on, copies, rooms)
        draft = drafted(name, service, engine, there)
        found[name] = draft(told(environment, name, found, draft, catalogue))
    return found


ROUTED = {"targets": {"dc": CLUSTER}, "routes": {"sessions": {"to": "sessions"}}}


def test_in_a_cluster_who_collects_asks_it_who_is_where_and_needs_no_new_words_for_a_node() -> None:
    spread = {"balancer": ("n1", "n2"), "host": ("n1", "n2")}
    few, many = (in_cluster(spec(**ROUTED), on) for on in ({}, spread))
    text = file(many["metrics-dc"], "prometheus.yml")
    assert text == file(few["metrics-dc"], "prometheus.yml")
    files = [{one.path: one.text for one in part.files if "rules-" in one.path}
             for found in (few, many) for member in found["metrics-dc"].members()
             for part in member.components]  # fmt: skip
    assert all(one == files[0] for one in files)
    jobs = {one["job_name"]: one for one in read_yaml(text)["scrape_configs"]}
    asked = [one["kubernetes_sd_configs"] for one in jobs.values()]
    assert asked == [asked[0]] * 7  # the cluster is asked once
    assert asked[0][0]["namespaces"]["names"] == ["shop", "shop-opsctl-nodes"]
    kept = {name: one["relabel_configs"][0]["regex"] for name, one in jobs.items()}
    assert kept["sessions/sentinel"] == kept["sessions/redis"] == "sessions;9121"
    assert kept["hosts-dc/node"] == "hosts-dc;9100"
    assert all(part.discovers for one in many["metrics-dc"].members() for part in one.components)


def test_the_labels_that_the_cluster_is_asked_for_are_those_that_pods_bear() -> None:
    from opsctl.targets.kubernetes import live

    config = file(in_cluster(spec(**ROUTED), {})["metrics-dc"], "prometheus.yml")
    meta = "__meta_kubernetes_pod_label_"
    for label in (live.SERVICE, live.MEMBER):
        assert meta + label.replace(".", "_").replace("/", "_") in config
    assert f"label: {live.ENVIRONMENT}=shop" in config


PROMISED = {"sessions": {**SESSIONS, "slo": {"availability": 99.9}}}


def test_in_a_cluster_routes_are_used_and_knocked_at_by_the_names_that_clients_have_there() -> None:
    import yaml

    environment = spec(**ROUTED, services=PROMISED)
    found = in_cluster(environment, {})
    (way,) = json.loads(file(found["probe-dc"], "probe.json"))["ways"]
    assert (way["route"], way["hosts"], way["port"]) == ("sessions", ["sessions.shop.svc"], 6379)
    config = yaml.safe_load(file(found["metrics-dc"], "prometheus.yml"))
    (knocking,) = [one for one in config["scrape_configs"] if "/blackbox/" in one["job_name"]]
    assert knocking["params"]["target"] == ["sessions.shop.svc:6379"]
    fixed = {one["target_label"]: one["replacement"] for one in knocking["relabel_configs"]
             if "source_labels" not in one}  # fmt: skip
    assert (fixed["route"], fixed["to"]) == ("sessions", "sessions")
    rules = rule_files(environment, found, catalogue)
    tries = 'opsctl_probe_attempts_total{environment="shop", to="sessions", outcome="ok"}'
    assert tries in rules["shop-sessions.yaml"]
    assert "alert: RouteUnusable\n" in rules["shop-probe-dc.yaml"]
    assert "alert: RouteUnreachable\n" in rules["shop-reach-dc.yaml"]


def test_a_member_that_is_asked_for_several_routes_is_missed_once() -> None:
    reads = {"to": "sessions", "role": "replica", "port": 6380}
    environment = spec(**{**ROUTED, "routes": {"sessions": {"to": "sessions"}, "reads": reads}})
    rules = rule_files(environment, in_cluster(environment, {}), catalogue)
    assert rules["shop-reach-dc.yaml"].count("alert: MemberUnseen") == 2


def test_members_on_each_node_are_up_together_however_many_there_are() -> None:
    found = in_cluster(spec({"replicas": 1}, **ROUTED), {})
    gate = found["metrics-dc"].formed
    wanted = {
        f"target {name}/{one.job}": "up"
        for service, other in found.items()
        if other.signals
        for one in other.signals.scrapes
        for name in [f"{service}/*" if service in ("hosts-dc", "balancer-dc") else one.member]
    }
    rules = {f"rules {path}": "loaded" for path in directory_rules(found["metrics-dc"])}

    def said(**changed: str) -> str:
        standing = Standing("replica", ready=True, details={**wanted, **rules, **changed})
        return gate.holds({("metrics-dc-0", "prometheus"): standing})

    assert said() == ""
    assert "hosts-dc/*/node is not up: refused" in said(**{"target hosts-dc/*/node": "refused"})


def directory_rules(workload: Workload) -> list[str]:
    paths = [one.path for member in workload.members() for part in member.components
             for one in part.files]  # fmt: skip
    return [path.rpartition("/")[2] for path in paths if "/rules-" in path]


def test_a_member_that_a_cluster_does_not_name_is_told_of_and_on_hosts_there_is_none() -> None:
    environment = spec(**ROUTED)
    files = rule_files(environment, in_cluster(environment, {}), catalogue)
    sought = files["shop-sessions.yaml"]
    assert sought.count("alert: MemberUnseen") == 6
    assert 'absent(up{environment="shop", service="sessions", member="sessions-2"' in sought
    assert "MemberUnseen" not in files["shop-hosts-dc.yaml"]  # they come and go with nodes
    hosts = rule_files(spec(), described(spec()), catalogue)
    assert not any("MemberUnseen" in text for text in hosts.values())


def test_no_password_stands_in_what_prometheus_is_configured_with() -> None:
    own = {"url": "https://m.example/w", "basic_auth": {"user": "u", "password": {"secret": "w"}}}
    config = file(described(spec({"remote_write": [own]}))["metrics-dc"], "prometheus.yml")
    assert "‹secret" not in config
    assert "given-w.password" in config


def test_the_gate_names_what_is_not_up_and_rules_that_fail() -> None:
    found = described(spec({"replicas": 1}))
    gate = found["metrics-dc"].formed
    wanted = [
        f"target {one.member}/{one.job}"
        for other in found.values()
        if other.signals
        for one in other.signals.scrapes
    ]

    def said(**changed: str) -> str:
        details = {**dict.fromkeys(wanted, "up"), **changed}
        standing = Standing("replica", ready=True, details=details)
        return gate.holds({("metrics-dc-0", "prometheus"): standing})

    assert said() == ""
    assert said(**{"target sessions-2/redis": "connection refused"}) == (
        "metrics-dc-0: sessions-2/redis is not up: connection refused"
    )
    assert "the rule Down fails: no such label" in said(**{"failing Down": "no such label"})
    assert gate.holds({}) == "metrics-dc-0 is not ready: it does not answer"


def test_two_that_tell_wait_until_they_know_each_other() -> None:
    gate = described(spec())["alerts-dc"].formed

    def standings(peers: str) -> dict[tuple[str, str], Standing]:
        one = Standing("replica", ready=True, details={"peers": peers})
        return {(f"alerts-dc-{n}", "alertmanager"): one for n in (0, 1)}

    assert gate.holds(standings("2")) == ""
    assert gate.holds(standings("1")) == "alerts-dc-0 knows 1 of 2 members"


def test_the_exporter_may_see_numbers_and_neither_keys_nor_passwords() -> None:
    from opsctl.engines.redis.users import METRICS, redis_accounts

    (account,) = [
        one for one in redis_accounts("s", (), sentinel=True, metrics=True) if one.name == METRICS
    ]
    assert "~" not in account.rules
    assert "config" not in account.rules
    assert METRICS not in {one.name for one in redis_accounts("s", (), sentinel=True)}


def test_the_dead_man_alert_is_told_a_minute_apart_and_at_no_look_by_a_hair() -> None:
    """What was told at one look is told again at the first that is later by repeat_interval, and
    telling takes a moment."""
    config = read_yaml(file(described(spec())["alerts-dc"], "alertmanager.yml"))
    (route,) = [one for one in config["route"]["routes"] if 'severity="none"' in one["matchers"]]
    look, again = (Duration.parse(route[f"{key}_interval"]).seconds for key in ("group", "repeat"))
    assert 60 % look == 0
    assert 60 - look + 1 <= again <= 60 - 1


def test_a_silence_says_what_is_held_on_standard_input_and_at_every_member() -> None:
    teller = described(spec())["alerts-dc"]
    assert teller.silence is not None
    calls = teller.silence(Quiet("shop", "sessions", 600.0, "ops", "new disks", ("web",)))
    assert [call.member for call in calls] == ["alerts-dc-0", "alerts-dc-1"]
    assert json.loads(str(calls[0].stdin.parts[0])) == {
        "environment": "shop",
        "labels": [
            {"environment": "shop", "service": "sessions"},
            {"environment": "shop", "proxy": "web"},
        ],
        "seconds": 600.0, "sign": "opsctl maintenance of sessions by ", "who": "ops",
        "reason": "new disks",
    }  # fmt: skip
    assert calls[0].argv[-1] == "silence"


def asked(folder: Path, stored: list[dict[str, Any]], wanted: Quiet) -> list[list[Any]]:
    """What the script at a member asks of an Alertmanager that has `stored`."""
    teller = described(spec())["alerts-dc"]
    assert teller.silence is not None
    asking = """
def ask(path, method="GET", seconds=0, body=None):
    if method == "GET":
        return json.dumps(STORED)
    print(json.dumps([method, path, body and body["matchers"]]))

run({"""
    text = file(teller, "ask.py").replace("\nrun({", asking)
    (folder / "ask.py").write_text(f"STORED = {stored!r}\n{text}")
    (said,) = {str(call.stdin.parts[0]) for call in teller.silence(wanted)}
    command = (sys.executable, str(folder / "ask.py"), "silence")
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_member_keeps_silent_of_the_service_and_its_routes_in_this_environment_alone(
    tmp_path: Path,
) -> None:
    def matcher(name: str, value: str) -> dict[str, Any]:
        return {"name": name, "value": value, "isRegex": False, "isEqual": True}

    def stored(id: str, environment: str, service: str, state: str = "active") -> dict[str, Any]:
        return {
            "id": id, "createdBy": f"opsctl maintenance of {service} by eve",
            "status": {"state": state},
            "matchers": [matcher("environment", environment), matcher("proxy", "gone")],
        }  # fmt: skip

    there = [
        stored("ours", "shop", "sessions"), stored("staging's", "staging", "sessions"),
        stored("cache's", "shop", "cache"), stored("over", "shop", "sessions", "expired"),
    ]  # fmt: skip
    quiet = Quiet("shop", "sessions", 600.0, "ops", "new disks", ("web",))
    here = matcher("environment", "shop")
    *made, ended = asked(tmp_path, there, quiet)
    assert made == [
        ["POST", "/api/v2/silences", [here, matcher("service", "sessions")]],
        ["POST", "/api/v2/silences", [here, matcher("proxy", "web")]],
    ]
    assert ended == ["DELETE", "/api/v2/silence/ours", None]
    assert asked(tmp_path, there, replace(quiet, seconds=0.0)) == [ended]


# -- who proves himself -----------------------------------------------------------------------

ROUTES = {"sessions": {"to": "sessions", "role": "primary", "vip": "10.77.0.100"}}
BACKED_UP = {"sessions": {**SESSIONS, "slo": {"availability": 99.9},
                          "backup": {"schedule": "0 3 * * *"}}}  # fmt: skip


def test_all_that_is_asked_proves_itself_by_a_certificate_with_its_address() -> None:
    found = described(spec(routes=ROUTES))
    asked = [
        (found[service].member(scrape.member), scrape)
        for service, work in found.items()
        for scrape in (work.signals.scrapes if work.signals else ())
    ]
    assert {scrape.job for _, scrape in asked} == {
        "redis", "sentinel", "haproxy", "node", "prometheus", "alertmanager", "blackbox",
    }  # fmt: skip
    for member, scrape in asked:
        certs = [cert for part in member.components for cert in part.certs]
        assert scrape.tls != "none", scrape
        assert scrape.tls == "mutual" or scrape.password, f"{scrape} lets anybody in"
        assert any(AddressRef(member.name, "ip") in cert.names for cert in certs), scrape


def test_in_a_cluster_everybody_is_asked_for_the_certificate_of_his_service() -> None:
    import yaml

    found = in_cluster(spec(**ROUTED, services=BACKED_UP), {"host": ("n1", "n2")})
    for service, work in found.items():
        for scrape in work.signals.scrapes if work.signals else ():
            member = work.member(scrape.member)
            certs = [cert for part in member.components for cert in part.certs]
            listening = next(part for part in member.components
                             if scrape.port in [port.number for port in part.ports])  # fmt: skip
            assert scrape.called == service
            assert all(service in cert.names for cert in listening.certs)
            assert listening.certs, scrape
            assert scrape.tls == "mutual" or scrape.password, f"{scrape} lets anybody in"
            assert len({cert.path for cert in certs}) == len(certs)
    config = yaml.safe_load(file(found["metrics-dc"], "prometheus.yml"))
    for job in config["scrape_configs"]:
        assert (job["scheme"], job["tls_config"]["server_name"]) == (
            "https", job["job_name"].partition("/")[0],
        )  # fmt: skip
    told_of = [one["tls_config"]["server_name"] for one in config["alerting"]["alertmanagers"]]
    assert told_of == ["alerts-dc", "alerts-dc"]


def test_members_on_each_node_have_one_certificate_together() -> None:
    found = in_cluster(spec(**ROUTED), {"balancer": ("n1", "n2"), "host": ("n1", "n2")})
    for service in ("balancer-dc", "hosts-dc"):
        certs = {part.certs for member in found[service].members() for part in member.components}
        ((only,),) = certs
        assert only.names == (service,)


def test_only_who_collects_and_who_goes_to_others_of_its_kind_can_pass_for_a_client() -> None:
    found = described(spec(routes=ROUTES))
    clients = {
        service
        for service, work in found.items()
        for member in work.members()
        for part in member.components
        for cert in part.certs
        if cert.use != "server"
    }
    assert clients == {"metrics-dc", "alerts-dc"}


def test_prometheus_asks_and_tells_nobody_without_looking_at_his_certificate() -> None:
    (prometheus, *_) = described(spec(routes=ROUTES))["metrics-dc"].members()
    (component,) = prometheus.components
    (text,) = (file.text for file in component.files if file.path.endswith("prometheus.yml"))
    lines = text.masked(lambda ref: ref.member).splitlines()
    assert lines.count("    scheme: https") == sum("job_name" in line for line in lines)
    assert lines.count("      scheme: https") == 2  # those who are told
    assert sum("ca_file: /etc/metrics-dc-0/ca.pem" in line for line in lines) == sum(
        "scheme: https" in line for line in lines
    )
    assert not any("insecure" in line for line in lines)


def test_a_balancer_has_its_certificate_before_anybody_watches_it() -> None:
    """Else monitoring that comes to it would be a restart."""
    own = {"sessions": SESSIONS, "edge": {"engine": "haproxy", "on": "dc", "metrics": False}}
    found = described(spec(routes=ROUTES, services=own))
    assert found["edge"].signals is None
    assert all(part.certs for member in found["edge"].members() for part in member.components
               if part.name == "haproxy")  # fmt: skip
