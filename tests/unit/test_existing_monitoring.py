"""A Prometheus or an Alertmanager that is already there, instead of opsctl's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_monitoring_services import SESSIONS, described, file, spec

from opsctl import wiring
from opsctl.cli.main import main
from opsctl.errors import OpsError, OpsErrors
from opsctl.workload import Quiet
from yaml_reading import read_yaml

THEIRS = {"url": "https://prometheus.example"}
# Nobody listens there, so that whoever asks hosts what they remember is told so at once.
NEAR = {"ssh": {"port": 1}, "hosts": {f"n{n}": {"address": f"127.7.0.1{n}"} for n in (1, 2, 3)}}
FAR = {"ssh": {"port": 1}, "hosts": {"m1": {"address": "127.8.0.11"}}}
LOGIN = {"user": "u", "password": {"secret": "am"}}
ALERTS = {"url": "https://alerts.example/am", "basic_auth": LOGIN}
PEOPLE = [{"name": "oncall", "webhook": {"secret": "oncall"}}]
SPEC = {
    "opsctl": 1,
    "name": "shop",
    "targets": {"dc": {**NEAR, "firewall": "manage"}},
    "services": {"sessions": {**SESSIONS, "slo": {"availability": 99.9}}},
    "routes": {"sessions": {"to": "sessions", "vip": "10.77.0.100"}},
    "monitoring": {"on": "dc", "prometheus": {**THEIRS, "addresses": ["10.77.0.5", "fd00::5"]}},
}


# -- Alertmanager -----------------------------------------------------------------------------


def test_an_alertmanager_that_is_there_is_told_and_none_is_built() -> None:
    environment = spec({"alertmanager": ALERTS})
    assert set(environment.services) == {"sessions", "hosts-dc", "metrics-dc"}
    config = read_yaml(file(described(environment)["metrics-dc"], "prometheus.yml"))
    (told,) = config["alerting"]["alertmanagers"]
    assert told["static_configs"] == [{"targets": ["alerts.example:443"]}]
    assert (told["scheme"], told["path_prefix"]) == ("https", "/am")
    assert told["basic_auth"]["username"] == "u"
    assert told["basic_auth"]["password_file"].endswith("given-am.password")


def test_its_port_and_a_plain_address_are_taken_as_they_are() -> None:
    environment = spec({"alertmanager": {"url": "http://10.0.0.9:9093"}})
    config = read_yaml(file(described(environment)["metrics-dc"], "prometheus.yml"))
    (told,) = config["alerting"]["alertmanagers"]
    assert told == {"timeout": "5s", "static_configs": [{"targets": ["10.0.0.9:9093"]}]}


@pytest.mark.parametrize(
    ("monitoring", "words"),
    [
        (
            {"alertmanager": {"url": "https://a.example", "receivers": PEOPLE}},
            "receivers are of an Alertmanager that opsctl builds",
        ),
        ({"alertmanager": {"basic_auth": LOGIN}}, 'without "url"'),
        ({"prometheus": THEIRS, "retention": "30d"}, "another Prometheus collects"),
        (
            {"prometheus": THEIRS, "alertmanager": {"receivers": PEOPLE}},
            "it tells its own Alertmanager",
        ),
        ({"prometheus": {**THEIRS, "addresses": ["n1"]}}, "n1"),
    ],
)
def test_what_contradicts_itself_is_refused(monitoring: dict[str, Any], words: str) -> None:
    with pytest.raises(OpsErrors, match=words):
        spec(monitoring)


def test_a_maintenance_is_told_to_it_and_it_is_named_when_it_is_away(tmp_path: Path) -> None:
    near = {"url": "http://127.0.0.1:1"}  # nobody listens there
    file = tmp_path / "opsctl.yaml"
    file.write_text(json.dumps({**SPEC, "monitoring": {"on": "dc", "alertmanager": near}}))
    with pytest.raises(OpsError) as away:
        wiring.parts([file]).silence(Quiet("shop", "sessions", 600.0, "ops", "new disks"))
    assert (away.value.code, away.value.where) == ("alerts/away", near["url"])
    assert away.value.hint.startswith("monitoring.alertmanager in the spec")
    file.write_text(json.dumps({**SPEC, "monitoring": {"on": "dc"}}))
    nobody = Quiet("shop", "sessions", 600.0, "ops", "nobody else is there to tell")
    wiring.parts([file]).silence(nobody)


# -- Prometheus -------------------------------------------------------------------------------


def test_where_another_prometheus_collects_only_what_gives_metrics_is_built() -> None:
    environment = spec({"prometheus": THEIRS})
    assert set(environment.services) == {"sessions", "hosts-dc"}
    assert environment.services["sessions"].metrics


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `opsctl render monitoring` writes; nobody here changes it."""
    here = tmp_path_factory.mktemp("rendered")
    (here / "opsctl.yaml").write_text(json.dumps(SPEC))
    folder = here / "given"
    (folder / "targets").mkdir(parents=True)
    (folder / "targets/shop-old-redis.json").write_text('[{"labels": {"environment": "shop"}}]')
    (folder / "targets/other.json").write_text('[{"labels": {"environment": "other"}}]')
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "CONFIG", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(here / name))
        patch.chdir(here)
        assert main(["render", "monitoring", str(folder)]) == 0
    return folder


def snippet(folder: Path) -> dict[str, Any]:
    jobs = read_yaml((folder / "scrape.yaml").read_text())["scrape_configs"]
    return {one["job_name"]: one for one in jobs}


def test_it_is_given_a_job_with_a_file_of_targets_for_each_kind_of_server(rendered: Path) -> None:
    jobs = snippet(rendered)
    assert {"shop/sessions/redis", "shop/sessions/sentinel", "shop/hosts-dc/node"} <= set(jobs)
    assert jobs["shop/sessions/sentinel"]["metrics_path"] == "/scrape"
    (path,) = jobs["shop/sessions/redis"]["file_sd_configs"][0]["files"]
    (one, *_) = json.loads((rendered / path).read_text())
    assert one["targets"] == ["127.7.0.11:9121"]
    assert one["labels"] == {
        "job": "redis", "environment": "shop", "service": "sessions", "member": "sessions-0",
        "host": "n1",
    }  # fmt: skip
    (path,) = jobs["shop/reach-dc/blackbox"]["file_sd_configs"][0]["files"]
    labels = json.loads((rendered / path).read_text())[0]["labels"]
    assert labels["__param_target"] == "10.77.0.100:6379"
    assert (labels["route"], labels["to"]) == ("sessions", "sessions")


def test_members_of_other_targets_have_their_own_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = {"engine": "redis", "on": "far", "mode": "replication", "replicas": 1}
    document = {
        "opsctl": 1,
        "name": "shop",
        "targets": {"dc": NEAR, "far": FAR},
        "services": {"sessions": SESSIONS, "away": away},
        "monitoring": {"on": "dc", "also": ["far"], "prometheus": THEIRS},
    }
    (tmp_path / "opsctl.yaml").write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    assert main(["render", "monitoring", "given"]) == 0
    (one,) = json.loads((tmp_path / "given/targets/shop-away-redis.json").read_text())
    assert one["targets"] == ["127.8.0.11:9121"]


def test_in_a_cluster_its_pods_are_let_in_where_metrics_are_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prometheus = {**THEIRS, "addresses": ["10.77.0.5", "fd00::5"]}
    document = {
        "opsctl": 1,
        "name": "shop",
        "targets": {"dc": {"kubernetes": {}}},
        "services": {"sessions": SESSIONS},
        "monitoring": {"on": "dc", "prometheus": prometheus},
    }
    (tmp_path / "opsctl.yaml").write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    assert main(["render", "kubernetes", "manifests"]) == 0
    file = tmp_path / "manifests/sessions/networkpolicy-sessions-server.yaml"
    *_, last = read_yaml(file.read_text())["spec"]["ingress"]
    assert last["ports"] == [{"port": 9121, "protocol": "TCP"}]
    assert last["from"] == [
        {
            "namespaceSelector": {},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
        },
        {"ipBlock": {"cidr": "10.77.0.5/32"}},
        {"ipBlock": {"cidr": "fd00::5/128"}},
    ]


def test_its_readme_names_the_two_lines_and_every_password_that_it_wants(rendered: Path) -> None:
    text = (rendered / "README.md").read_text()
    assert f"rule_files: [{rendered}/rules/*.yaml]" in text
    assert f"scrape_config_files: [{rendered}/scrape.yaml]" in text
    wanted = {
        job["basic_auth"]["password_file"]
        for job in snippet(rendered).values()
        if "basic_auth" in job
    }
    assert wanted
    assert all(f"> {path}\n" in text for path in wanted)


def test_it_is_given_the_rules_of_every_service_and_of_its_promise(rendered: Path) -> None:
    text = (rendered / "rules/shop-sessions.yaml").read_text()
    assert "alert: RedisDown" in text
    assert "alert: SloBurnsFast" in text


def test_what_is_gone_goes_and_what_is_anothers_stays(rendered: Path) -> None:
    assert not (rendered / "targets/shop-old-redis.json").exists()
    assert (rendered / "targets/other.json").exists()


def test_no_secret_is_written(rendered: Path) -> None:
    assert not (rendered / "passwords").exists()


def test_without_monitoring_there_is_nothing_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = {key: value for key, value in SPEC.items() if key != "monitoring"}
    (tmp_path / "opsctl.yaml").write_text(json.dumps(bare))
    monkeypatch.chdir(tmp_path)
    assert main(["render", "monitoring", str(tmp_path / "given")]) == 2
    assert "monitoring/none" in capsys.readouterr().err
