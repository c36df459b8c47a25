"""Services of other targets that are watched from the one where monitoring runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_monitoring_services import CLUSTER, HOSTS, SESSIONS, spec

from opsctl import wiring
from opsctl.errors import OpsErrors
from opsctl.flow.survey import described
from opsctl.model import lint
from opsctl.workload import Workload
from yaml_reading import read_yaml

# Nobody listens there, so that whoever asks hosts what they remember is told so at once.
NEAR: dict[str, Any] = {
    "ssh": {"port": 1},
    "hosts": {f"n{n}": {"address": f"127.7.0.1{n}"} for n in (1, 2, 3)},
}
FAR: dict[str, Any] = {
    "ssh": {"port": 1},
    "hosts": {f"m{n}": {"address": f"127.8.0.1{n}"} for n in (1, 2)},
}
AWAY = {**SESSIONS, "on": "far", "replicas": 2, "mode": "replication"}
BOTH = {
    "targets": {"dc": {**NEAR, "firewall": "manage"}, "far": {**FAR, "firewall": "manage"}},
    "services": {"sessions": SESSIONS, "away": AWAY},
}
SPEC = {"opsctl": 1, "name": "shop", "monitoring": {"on": "dc", "also": ["far"]}, **BOTH}


def test_its_services_give_metrics_and_its_hosts_are_measured() -> None:
    environment = spec({"also": ["far"]}, **BOTH)
    assert environment.services["away"].metrics
    assert environment.services["hosts-far"].on == "far"
    assert [one.message for one in lint(environment) if one.code == "lint/unsupported"] == []


def test_without_also_the_linter_says_how() -> None:
    (said,) = [one for one in lint(spec(**BOTH)) if one.code == "lint/unsupported"]
    assert said.hint is not None
    assert "also: [far]" in said.hint


@pytest.mark.parametrize(
    ("targets", "also", "words"),
    [
        ({"dc": HOSTS, "far": CLUSTER}, "far", "both must be made of hosts"),
        ({"dc": HOSTS}, "fra", "fra"),
    ],
)
def test_what_cannot_be_reached_is_refused(targets: dict[str, Any], also: str, words: str) -> None:
    with pytest.raises(OpsErrors, match=words):
        spec({"also": [also]}, targets=targets)


@pytest.fixture(scope="module")
def workloads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workload]:
    return all_of(SPEC, tmp_path_factory.mktemp("beyond"))


def all_of(document: dict[str, Any], folder: Path) -> dict[str, Workload]:
    """As every use case describes them."""
    patch = pytest.MonkeyPatch()
    for name in ("CACHE", "CONFIG", "STATE"):
        patch.setenv(f"XDG_{name}_HOME", str(folder / name))
    file = folder / "opsctl.yaml"
    file.write_text(json.dumps(document))
    placed, _ = described(wiring.parts([file], []))
    patch.undo()
    return {name: workload for name, (_, workload) in placed.items()}


def config(workloads: dict[str, Workload]) -> dict[str, Any]:
    member = next(workloads["metrics-dc"].members())
    (file,) = [one for one in member.components[0].files if one.path.endswith("/prometheus.yml")]
    found: dict[str, Any] = read_yaml(file.text.masked(lambda ref: f"<{ref.member}>"))
    return found


def test_they_are_asked_at_their_own_addresses(workloads: dict[str, Workload]) -> None:
    jobs = {one["job_name"]: one for one in config(workloads)["scrape_configs"]}
    away = jobs["away/redis"]["static_configs"]
    assert [one["targets"] for one in away] == [["127.8.0.11:9121"], ["127.8.0.12:9121"]]
    assert away[0]["labels"]["host"] == "m1"
    assert jobs["hosts-far/node"]["static_configs"][0]["targets"] == ["127.8.0.11:9100"]
    assert jobs["sessions/redis"]["static_configs"][0]["targets"] == ["<sessions-0>:9121"]


def test_a_host_by_a_name_that_is_had_already_is_told_apart_by_its_target(tmp_path: Path) -> None:
    """Rules take what has one environment and host for one host: a dead one would seem alive, and
    hold back what is told of the other."""
    far = {**FAR, "hosts": {"n1": FAR["hosts"]["m1"], "m2": FAR["hosts"]["m2"]}}
    made = config(all_of({**SPEC, "targets": {"dc": NEAR, "far": far}}, tmp_path))
    hosts = {
        (one["labels"]["service"], one["labels"]["host"])
        for job in made["scrape_configs"]
        for one in job["static_configs"]
        if one["labels"]["service"] in ("hosts-dc", "hosts-far", "away")
    }
    assert hosts == {
        ("hosts-dc", "n1"), ("hosts-dc", "n2"), ("hosts-dc", "n3"),
        ("hosts-far", "far/n1"), ("hosts-far", "m2"), ("away", "far/n1"), ("away", "m2"),
    }  # fmt: skip


def test_their_rules_are_kept_and_they_are_waited_for(workloads: dict[str, Workload]) -> None:
    files = config(workloads)["rule_files"]
    assert any(name.endswith("rules-shop-away.yaml") for name in files)
    gate = workloads["metrics-dc"].formed
    assert "every target is up" in gate.words


def test_who_watches_is_described_after_those_whom_it_speaks_of(
    workloads: dict[str, Workload],
) -> None:
    names = list(workloads)
    assert names.index("away") < names.index("metrics-dc")


def test_their_firewalls_let_in_whoever_may_collect(tmp_path: Path) -> None:
    file = tmp_path / "opsctl.yaml"
    file.write_text(json.dumps(SPEC))
    _, resources = described(wiring.parts([file], []))
    (text, *_) = [
        one.text for one in resources if one.id.kind == "firewall" and one.service == "away"
    ]
    for address in ("127.7.0.11", "127.7.0.12", "127.7.0.13", "127.8.0.11"):
        assert address in text
