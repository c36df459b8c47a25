"""By whom servers that others run are certified: what a spec says of it, and who is told."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_monitoring_services import HOSTS, SESSIONS, described, file

from opsctl.cli.main import main
from opsctl.clients.secrets.issuing import Authority, key_pem
from opsctl.clients.trust import Certified, Trust
from opsctl.discovery import engines
from opsctl.errors import OpsErrors, Place
from opsctl.model import Environment, lint, load, load_data
from opsctl.workload import ConfigFile, Workload
from yaml_reading import read_yaml

THEIRS, OTHERS = (Authority(bytes(32), name, 1) for name in ("theirs", "others"))
SERVER = THEIRS.issue("seed", ("alerts.example",), "server", 1_800_000_000)
ENGINES = {name: engine.options for name, engine in engines().items()}
PEOPLE = {"name": "oncall", "webhook": {"secret": "oncall"}}
URL = "https://there.example:9443/x"
PLACES: Mapping[str, tuple[dict[str, Any], tuple[str | int, ...]]] = {
    "grafana": ({"grafana": {"url": URL, "token": {"secret": "t"}}}, ("grafana",)),
    "prometheus": ({"prometheus": {"url": URL}}, ("prometheus",)),
    "alertmanager": ({"alertmanager": {"url": URL}}, ("alertmanager",)),
    "remote_write": ({"remote_write": [{"url": URL}]}, ("remote_write", 0)),
    "receivers": ({"alertmanager": {"receivers": [PEOPLE]}}, ("alertmanager", "receivers", 0)),
}


def at(part: Any, keys: tuple[str | int, ...]) -> Any:
    for key in keys:
        held = isinstance(part, dict | list | tuple)
        part = part[key] if held else getattr(part, str(key))
    return part


def written(
    folder: Path, monitoring: Mapping[str, Any], services: Mapping[str, Any] | None = None
) -> Path:
    """A spec below `folder`, and beside it the certificates of THEIRS."""
    document = {
        "opsctl": 1,
        "name": "shop",
        "targets": {"dc": HOSTS},
        "services": {"sessions": SESSIONS, **(services or {})},
        "monitoring": {"on": "dc", **monitoring},
    }
    (folder / "theirs.pem").write_text(f"Issued by them\n{THEIRS.pem}")
    (folder / "opsctl.yaml").write_text(json.dumps(document, indent=1))
    return folder / "opsctl.yaml"


def read(path: Path) -> Environment:
    return load([path], engines=ENGINES)


def known_by(place: str, ca: str = "theirs.pem") -> dict[str, Any]:
    """`monitoring:` with this server, which is certified by `ca`."""
    monitoring: dict[str, Any] = json.loads(json.dumps(PLACES[place][0]))
    at(monitoring, PLACES[place][1])["ca"] = ca
    return monitoring


# -- what is read -----------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_every_server_that_others_run_may_have_one_beside_its_url(
    tmp_path: Path, place: str
) -> None:
    environment = read(written(tmp_path, known_by(place)))
    keys = PLACES[place][1]
    assert at(environment.monitoring, keys).ca == THEIRS.pem
    assert at(environment.document, ("monitoring", *keys, "ca")).endswith(THEIRS.pem)


def test_what_is_kept_of_a_spec_needs_the_file_no_more(tmp_path: Path) -> None:
    """A saved plan, a revision: they may be read on another machine."""
    path = written(tmp_path, known_by("prometheus"))
    kept = read(path).document
    (tmp_path / "theirs.pem").write_text(OTHERS.pem)
    assert read(path).document != kept
    again = load_data(kept, engines=ENGINES)
    assert again.monitoring is not None
    assert again.monitoring.prometheus is not None
    assert again.monitoring.prometheus.ca == THEIRS.pem


@pytest.mark.parametrize("where", ["the spec", "a file"])
def test_it_may_be_several_and_pem_itself(tmp_path: Path, where: str) -> None:
    both = f"{OTHERS.pem}\nsubject=CN = theirs\n{THEIRS.pem}"
    (tmp_path / "both.pem").write_bytes(both.replace("\n", "\r\n").encode())
    said = both if where == "the spec" else "both.pem"
    environment = read(written(tmp_path, known_by("grafana", said)))
    assert environment.monitoring is not None
    assert environment.monitoring.grafana is not None
    assert environment.monitoring.grafana.ca == OTHERS.pem + THEIRS.pem


def test_a_service_that_a_person_wrote_has_files_beside_the_spec_too(tmp_path: Path) -> None:
    own = {
        "engine": "prometheus",
        "on": "dc",
        "remote_write": [{"url": "https://a.example", "ca": "theirs.pem"}],
        "tells": [{"url": "https://b.example"}, {"url": URL, "ca": "theirs.pem"}],
    }
    environment = read(written(tmp_path, {}, {"watch": own}))
    service: Any = environment.services["watch"]
    assert service.remote_write[0].ca == service.tells[1].ca == THEIRS.pem


def test_a_value_from_the_command_line_is_a_file_where_it_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, known_by("prometheus", "nowhere.pem"))
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "others.pem").write_text(OTHERS.pem)
    monkeypatch.chdir(tmp_path / "here")
    environment = load([path], ["monitoring.prometheus.ca=others.pem"], engines=ENGINES)
    assert environment.monitoring is not None
    assert environment.monitoring.prometheus is not None
    assert environment.monitoring.prometheus.ca == OTHERS.pem


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, "spec/not-found", "there is no file"),
        ("hello", "spec/value", "there is no certificate in PEM form here"),
        (ssl.PEM_cert_to_DER_cert(THEIRS.pem), "spec/value", "openssl x509 -inform der"),
        (f"{THEIRS.pem}{key_pem('seed')}", "spec/plain-secret", "a private key stands here"),
        (SERVER, "spec/value", "CN=alerts.example is no authority: CN=opsctl theirs authority 1"),
        ("x" * 70_000, "spec/bomb", "more than 64 KiB"),
    ],
    ids=["none", "text", "der", "key", "server", "large"],
)
def test_a_file_that_can_not_be_used_is_named_where_it_stands(
    tmp_path: Path, content: str | bytes | None, code: str, words: str
) -> None:
    path = written(tmp_path, known_by("alertmanager", "ours.pem"))
    if content is not None:
        raw = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "ours.pem").write_bytes(raw)
    with pytest.raises(OpsErrors) as raised:
        read(path)
    (error,) = raised.value.errors
    assert error.code == code
    assert words in f"{error.message} {error.hint}"
    assert isinstance(error.where, Place)
    assert '"ca":' in error.where.text


def test_other_mistakes_are_told_beside_a_file_that_is_missing(tmp_path: Path) -> None:
    monitoring = {**known_by("grafana", "nowhere.pem"), "interval": "2h"}
    with pytest.raises(OpsErrors) as raised:
        read(written(tmp_path, monitoring))
    assert {error.code for error in raised.value.errors} == {"spec/not-found", "spec/value"}


def test_a_key_that_stands_in_the_spec_is_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_pem("seed")
    path = written(tmp_path, known_by("prometheus", key))
    assert main(["-f", str(path), "validate"]) == 2
    said = capsys.readouterr()
    assert "spec/plain-secret" in said.err
    assert not any(line in said.out + said.err for line in key.splitlines()[1:-1])


@pytest.mark.parametrize(
    ("monitoring", "words"),
    [
        ({"prometheus": {"url": "http://p.example", "ca": "theirs.pem"}}, "without https"),
        ({"alertmanager": {"ca": "theirs.pem"}}, "opsctl's own is certified anyway"),
    ],
)
def test_one_that_nobody_would_look_at_is_refused(
    tmp_path: Path, monitoring: dict[str, Any], words: str
) -> None:
    with pytest.raises(OpsErrors, match=words):
        read(written(tmp_path, monitoring))


def test_one_that_ends_is_told_once_and_where_it_stands(tmp_path: Path) -> None:
    environment = read(written(tmp_path, known_by("alertmanager")))
    ends = THEIRS.certificate.not_valid_after_utc.timestamp()

    def said(now: float) -> list[str]:
        found = [one for one in lint(environment, now) if one.code == "lint/authority-ends"]
        assert all(isinstance(one.where, Place) for one in found)
        return [one.message for one in found]

    who = "the certificate of CN=opsctl theirs authority 1"
    assert said(ends - 40 * 86_400) == []
    assert said(ends - 20 * 86_400) == [f"{who} ends on 2049-12-31"]
    assert said(ends + 1) == [f"{who} ended on 2049-12-31"]


# -- who is told ------------------------------------------------------------------------------


def held(work: Workload, name: str) -> ConfigFile:
    (found,) = {
        one
        for member in work.members()
        if member.name.endswith("-0")
        for part in member.components
        for one in part.files
        if one.path.endswith(f"/{name}")
    }
    return found


def test_our_prometheus_believes_each_for_its_own_server_alone(tmp_path: Path) -> None:
    monitoring = {
        **known_by("alertmanager"),
        "remote_write": [
            {"url": "https://metrics.example/write", "ca": OTHERS.pem},
            {"url": "https://public.example/write"},
        ],
    }
    work = described(read(written(tmp_path, monitoring)))["metrics-dc"]
    config = read_yaml(file(work, "prometheus.yml"))
    (told,) = config["alerting"]["alertmanagers"]
    assert told["tls_config"] == {"ca_file": "/etc/metrics-dc-0/ca-there.example-9443.pem"}
    one, other = config["remote_write"]
    assert one["tls_config"] == {"ca_file": "/etc/metrics-dc-0/ca-metrics.example.pem"}
    assert "tls_config" not in other
    for name, authority in (("there.example-9443", THEIRS), ("metrics.example", OTHERS)):
        kept = held(work, f"ca-{name}.pem")
        assert (kept.text.parts, kept.effect) == ((authority.pem,), "none")


def test_an_address_that_two_certify_believes_both(tmp_path: Path) -> None:
    writes = [
        {"url": "https://[fd00::9]/a", "ca": THEIRS.pem},
        {"url": "https://[fd00::9]/b", "ca": OTHERS.pem},
        {"url": "https://[fd00::9]/c", "ca": THEIRS.pem},
    ]
    work = described(read(written(tmp_path, {"remote_write": writes})))["metrics-dc"]
    assert held(work, "ca-fd00--9.pem").text.parts == (THEIRS.pem, OTHERS.pem)


def test_our_alertmanager_believes_it_for_that_receiver_alone(tmp_path: Path) -> None:
    others = {"name": "desk", "webhook": {"secret": "desk"}}
    receivers = [*known_by("receivers")["alertmanager"]["receivers"], others]
    work = described(read(written(tmp_path, {"alertmanager": {"receivers": receivers}})))
    config = read_yaml(file(work["alerts-dc"], "alertmanager.yml"))
    one, other = config["receivers"][0]["webhook_configs"]
    assert one["http_config"] == {"tls_config": {"ca_file": "ca-oncall.pem"}}
    assert "http_config" not in other
    assert held(work["alerts-dc"], "ca-oncall.pem").text.parts == (THEIRS.pem,)


def test_a_grafana_that_is_configured_by_files_is_told_who_certifies_their_prometheus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, known_by("prometheus"))
    monkeypatch.chdir(tmp_path)
    assert main(["render", "dashboards", "out"]) == 0
    (source,) = read_yaml((tmp_path / "out" / "datasource.yaml").read_text())["datasources"]
    assert source["jsonData"]["tlsAuthWithCACert"] is True
    assert source["secureJsonData"] == {"tlsCACert": THEIRS.pem}
    assert "basicAuth" not in source


def test_behind_a_proxy_the_same_is_believed() -> None:
    door = Certified(Trust(THEIRS.pem))
    ways = (door.poolmanager, door.proxy_manager_for("http://proxy.example:3128"))
    for way in ways:
        context = way.connection_pool_kw["ssl_context"]
        assert [one["subject"] for one in context.get_ca_certs()] == [
            ((("commonName", "opsctl theirs authority 1"),),)
        ]
