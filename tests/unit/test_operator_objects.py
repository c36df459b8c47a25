"""What the Prometheus Operator is given, for its own Prometheus."""

from __future__ import annotations

from typing import Any

from opsctl.monitoring.operator import operator_objects
from opsctl.monitoring.rule_text import Rule, RuleGroup, rule_text
from opsctl.workload import Directory, Scrape, SecretRef
from yaml_reading import read_yaml

PASSWORD = SecretRef("edge/user/opsctl-metrics")
SENTINEL = {"target": "redis://127.0.0.1:26379"}
DIRECTORY = Directory(
    environment="shop",
    watched={
        "sessions": (
            *(
                Scrape("redis", f"sessions-{n}", 9121, tls="mutual", called="sessions")
                for n in range(3)
            ),
            *(Scrape("sentinel", f"sessions-{n}", 9121, "/scrape", SENTINEL) for n in range(3)),
        ),
        "edge": (
            Scrape(
                "haproxy",
                "edge-node",
                8404,
                user="opsctl-metrics",
                password=PASSWORD,
                tls="server",
                called="edge",
            ),
        ),
        "hosts": (Scrape("node", "hosts-node", 9100, realm="caches-opsctl-nodes"),),
    },
    rules={
        "shop-sessions.yaml": rule_text(
            [
                RuleGroup("shop/sessions", (Rule("RedisDown", "redis_up == 0", alert=True),)),
                RuleGroup("shop/sessions/backup", (Rule("a:b", "c"),), interval="30s"),
            ]
        )
    },
)
FILES = operator_objects(DIRECTORY, "caches", 5.0)


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = read_yaml(FILES[name])
    return found


def test_there_is_one_monitor_for_each_kind_of_server_of_a_service() -> None:
    assert {name for name in FILES if name.startswith("podmonitor")} == {
        "podmonitor-edge-haproxy.yaml",
        "podmonitor-hosts-node.yaml",
        "podmonitor-sessions-redis.yaml",
        "podmonitor-sessions-sentinel.yaml",
    }


def test_it_finds_the_pods_that_opsctl_labels() -> None:
    one = manifest("podmonitor-sessions-sentinel.yaml")
    assert one["metadata"]["namespace"] == "caches"
    assert one["spec"]["selector"]["matchLabels"] == {
        "opsctl.dev/environment": "shop",
        "opsctl.dev/service": "sessions",
    }
    (endpoint,) = one["spec"]["podMetricsEndpoints"]
    assert (endpoint["portNumber"], endpoint["path"]) == (9121, "/scrape")
    assert endpoint["params"] == {"target": ["redis://127.0.0.1:26379"]}
    assert (endpoint["interval"], endpoint["scrapeTimeout"]) == ("5000ms", "4000ms")


def test_a_pace_in_fractions_of_a_second_is_said_in_whole_words() -> None:
    files = operator_objects(DIRECTORY, "caches", 2.5)
    (endpoint,) = read_yaml(files["podmonitor-edge-haproxy.yaml"])["spec"]["podMetricsEndpoints"]
    assert (endpoint["interval"], endpoint["scrapeTimeout"]) == ("2500ms", "2000ms")


def test_what_sits_in_a_namespace_of_its_own_is_looked_for_there() -> None:
    spec = manifest("podmonitor-hosts-node.yaml")["spec"]
    assert spec["namespaceSelector"] == {"matchNames": ["caches-opsctl-nodes"]}
    spec = manifest("podmonitor-edge-haproxy.yaml")["spec"]
    assert spec["namespaceSelector"] == {"matchNames": ["caches"]}


def test_what_it_scrapes_has_the_labels_that_rules_count_on() -> None:
    (endpoint,) = manifest("podmonitor-sessions-redis.yaml")["spec"]["podMetricsEndpoints"]
    fixed = {
        one["targetLabel"]: one["replacement"]
        for one in endpoint["relabelings"]
        if "sourceLabels" not in one
    }
    assert fixed == {"job": "redis", "environment": "shop", "service": "sessions"}
    found = {one["targetLabel"] for one in endpoint["relabelings"]}
    assert {"member", "host"} <= found


def test_a_password_is_named_and_not_written() -> None:
    (endpoint,) = manifest("podmonitor-edge-haproxy.yaml")["spec"]["podMetricsEndpoints"]
    secret = "scrape-edge-user-opsctl-metrics"
    assert endpoint["basicAuth"]["password"] == {"name": secret, "key": "password"}
    readme = FILES["README.md"]
    assert f"put secret generic {secret} --from-literal=username=opsctl-metrics" in readme
    assert "opsctl secrets show edge/user/opsctl-metrics" in readme


def test_it_is_told_whom_to_believe_and_what_to_prove_itself_by() -> None:
    (endpoint,) = manifest("podmonitor-edge-haproxy.yaml")["spec"]["podMetricsEndpoints"]
    authority = {"configMap": {"name": "scrape-authority", "key": "ca.pem"}}
    assert endpoint["scheme"] == "https"
    assert endpoint["tlsConfig"] == {"ca": authority, "serverName": "edge"}
    (endpoint,) = manifest("podmonitor-sessions-redis.yaml")["spec"]["podMetricsEndpoints"]
    client = {"name": "scrape-client", "key": "client.pem"}
    assert endpoint["tlsConfig"] == {
        "ca": authority, "serverName": "sessions", "cert": {"secret": client}, "keySecret": client,
    }  # fmt: skip
    for command in ("opsctl cert show-ca", "opsctl cert client prometheus"):
        assert command in FILES["README.md"]


def test_the_rules_of_a_service_are_one_object() -> None:
    one = manifest("prometheusrule-shop-sessions.yaml")
    assert one["kind"] == "PrometheusRule"
    assert one["spec"]["groups"][0]["rules"][0]["alert"] == "RedisDown"


def test_rules_are_looked_at_as_often_as_alerts_count_on_whatever_the_others_pace() -> None:
    groups = manifest("prometheusrule-shop-sessions.yaml")["spec"]["groups"]
    assert {one["name"]: one["interval"] for one in groups} == {
        "shop/sessions": "5000ms",
        "shop/sessions/backup": "30s",
    }


def test_its_readme_says_in_which_rooms_the_account_must_see_pods() -> None:
    assert "for room in caches caches-opsctl-nodes; do" in FILES["README.md"]
