"""Our rules in a real Prometheus, our silences in a real Alertmanager, both on this machine."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import pytest
from monitoring_client import Webhook

from alert_world import watched
from members_here import HERE, lay_down, seat
from opsctl import wiring
from opsctl.clients.alertmanager import AlertmanagerServer
from opsctl.clients.prometheus import PrometheusServer
from opsctl.clients.secrets import EnvironmentSecrets, Variables
from opsctl.clients.secrets.deriving import new_root_key
from opsctl.clients.secrets.issuing import RENEWED, Authority, key_pem
from opsctl.clients.trust import Trust
from opsctl.data import catalogue, catalogue_place, renderer
from opsctl.engines import alertmanager as alertmanager_engine
from opsctl.engines import prometheus as prometheus_engine
from opsctl.engines.alertmanager import AlertmanagerService
from opsctl.engines.prometheus import PrometheusService
from opsctl.errors import OpsError
from opsctl.flow.alerting import linted, made, with_live
from opsctl.model import Environment
from opsctl.monitoring import rule_files
from opsctl.running.silencing import silence
from opsctl.workload import CertRef, Directory, Quiet, Seat, SecretRef, Workload
from yaml_reading import read_yaml

pytestmark = pytest.mark.lab

PATIENCE = 90.0  # seconds, on a slow and busy machine
SPEC = Environment(opsctl=1, name="prod")
USER, PASSWORD = "opsctl", "correct horse"
ROOT = Variables({"OPSCTL_ROOT_KEY": new_root_key()})
SECRETS = EnvironmentSecrets("prod", ROOT, {})
NAME = "metrics-0"
PROOF = CertRef("proof", "certificate", (NAME, HERE))
THEIRS = Authority(bytes(32), "theirs", 1)  # who certifies the webhook
SERVICES = {"metrics": watched("metrics", "prometheus", members=1)}


@dataclass(frozen=True)
class Servers:
    prometheus: PrometheusServer
    alertmanager: AlertmanagerServer
    ports: tuple[int, int]
    folder: Path
    heard: Webhook


def shown(port: int) -> str:
    """The certificate that a server shows now."""
    return ssl.get_server_certificate(("127.0.0.1", port))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def trust(name: str = NAME, secrets: EnvironmentSecrets = SECRETS) -> Trust:
    return Trust(secrets.certificate(CertRef()) or "", name)


def prometheus(port: int, password: str = PASSWORD, by: Trust | None = None) -> PrometheusServer:
    url = f"https://127.0.0.1:{port}"
    return PrometheusServer(url, user=USER, password=password, trust=by or trust())


def alertmanager(
    port: int, password: str = PASSWORD, by: Trust | None = None
) -> AlertmanagerServer:
    url = f"https://127.0.0.1:{port}"
    return AlertmanagerServer(url, user=USER, password=password, trust=by or trust())


def until(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OpsError):
            if ready():
                return
        time.sleep(0.2)
    raise AssertionError(f"within {PATIENCE:g} s: {what}")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    one, other = free_port(), free_port()
    heard = _webhook(folder)
    _configure(folder, one, other, heard.url)
    guarded = "--web.config.file=web.yml"
    calls = [
        ["prometheus", guarded, "--config.file=prometheus.yml", "--storage.tsdb.path=data",
         f"--web.listen-address=127.0.0.1:{one}"],
        ["prometheus-alertmanager", guarded, "--config.file=alertmanager.yml",
         "--storage.path=silences", "--cluster.listen-address=",
         f"--web.listen-address=127.0.0.1:{other}"],
    ]  # fmt: skip
    with contextlib.ExitStack() as stack:
        stack.callback(heard.close)
        for call in calls:
            log = stack.enter_context((folder / f"{call[0]}.log").open("w"))
            child = subprocess.Popen(call, cwd=folder, stdout=log, stderr=log)
            stack.callback(child.wait)
            stack.callback(child.kill)
        found = Servers(
            prometheus(one),
            alertmanager(other),
            (one, other),
            folder,
            heard,
        )
        until(lambda: found.alertmanager.there() == (), "Alertmanager answers")
        until(lambda: bool(found.prometheus.now("ALERTS")), "Prometheus evaluates")
        yield found


def _webhook(folder: Path) -> Webhook:
    proof = folder / "webhook.pem"
    proof.write_text(THEIRS.issue("webhook", (HERE,), "server", time.time()) + key_pem("webhook"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(proof)
    return Webhook(HERE, context)


def _told(folder: Path, alertmanager: int) -> object:
    """What our Prometheus is told of an Alertmanager that others run."""
    there = {
        "url": f"https://{HERE}:{alertmanager}",
        "basic_auth": {"user": USER, "password": {"secret": "told"}},
        "ca": SECRETS.certificate(CertRef()),
    }
    service = PrometheusService.model_validate(
        {"engine": "prometheus", "on": "dc", "tells": [there]}
    )
    place = seat(NAME, folder, {"web": 0})
    work = prometheus_engine.ENGINE.describe(
        "metrics", service, (place,), renderer("prometheus"), Directory(environment="prod")
    )
    below = lay_down(work.member(NAME), SECRETS, {"told": PASSWORD})
    return read_yaml((below / "prometheus.yml").read_text())["alerting"]


def tellers(seats: tuple[Seat, ...], receiver: dict[str, object] | None = None) -> Workload:
    """Our Alertmanagers."""
    document = {"engine": "alertmanager", "on": "dc", "receivers": [receiver] if receiver else []}
    service = AlertmanagerService.model_validate(document)
    render = renderer("alertmanager")
    return alertmanager_engine.ENGINE.describe("alerts", service, seats, render, Directory())


def _configure(folder: Path, prometheus: int, alertmanager: int, webhook: str) -> None:
    for name, text in rule_files(SPEC, SERVICES, catalogue).items():
        (folder / name).write_text(text)
    labels = {"environment": "prod", "service": "metrics", "member": "metrics-0", "host": "n1"}
    document = {
        "alerting": _told(folder, alertmanager),
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["prod-*.yaml"],
        "scrape_configs": [
            {
                "job_name": "prometheus",
                "basic_auth": {"username": USER, "password": PASSWORD},
                "scheme": "https",
                "tls_config": {"ca_file": "ca.pem", "server_name": NAME},
                "static_configs": [
                    {"targets": [f"127.0.0.1:{prometheus}"], "labels": labels},
                ],
            },
            {
                "job_name": "redis",
                "static_configs": [
                    {
                        "targets": ["127.0.0.1:1"],  # nobody is there
                        "labels": {**labels, "service": "shop", "member": "shop-0"},
                    },
                ],
            },
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(document))
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "ca.pem").write_text(SECRETS.certificate(CertRef()) or "")
    (folder / "web.pem").write_text(SECRETS.certificate(PROOF) or "")
    (folder / "web.pem.key").write_text(SECRETS.value(SecretRef(PROOF.name, "key")) or "")
    tls = {"cert_file": "web.pem", "key_file": "web.pem.key"}
    web = {"tls_server_config": tls, "basic_auth_users": {USER: hashed}}
    (folder / "web.yml").write_text(json.dumps(web))
    oncall = {"name": "oncall", "webhook": {"secret": "oncall"}, "ca": THEIRS.pem}
    ours = tellers((seat("alerts-0", folder, {"web": 0, "peers": 0}),), oncall)
    below = lay_down(ours.member("alerts-0"), SECRETS, {"oncall": webhook})
    for name in ("alertmanager.yml", "ca-oncall.pem"):
        (folder / name).write_text((below / name).read_text())


def test_alerts_reach_people_by_servers_that_authorities_of_others_certify(
    servers: Servers,
) -> None:
    """Prometheus tells an Alertmanager, that one a webhook: each is believed by its key `ca`."""
    told = servers.heard.until("Watchdog", "firing", seconds=PATIENCE)
    assert told["labels"]["environment"] == "prod"


def test_what_is_true_now_is_found_of_every_alert_with_its_own_service(servers: Servers) -> None:
    alerts = made(SPEC, SERVICES, catalogue)

    def live(name: str) -> list[str]:
        found = with_live(alerts, servers.prometheus)
        return [
            f"{live.state} {live.labels['service']}"
            for one in found
            if one.rule.name == name
            for live in one.live
        ]

    until(lambda: live("Watchdog") == ["firing metrics"], "the dead-man alert fires")
    until(lambda: live("TargetDown") == ["pending shop"], "who is away is about to be told")
    until(lambda: live("PrometheusDown") == [], "it sees itself")


def test_prometheus_evaluates_all_our_rules_without_an_error(servers: Servers) -> None:
    failures = "sum(prometheus_rule_evaluation_failures_total)"
    rules = "sum(prometheus_rule_group_rules)"
    expected = sum(text.count("expr:") for text in rule_files(SPEC, SERVICES, catalogue).values())
    until(
        lambda: [one.last for one in servers.prometheus.now(rules)] == [float(expected)],
        "it has all rules",
    )
    assert [one.last for one in servers.prometheus.now(failures)] == [0.0]


def test_lint_asks_the_server_what_it_has_and_how_often_alerts_began_to_fire(
    servers: Servers,
) -> None:
    alerts = made(SPEC, SERVICES, catalogue)
    every = frozenset(alert.alert for alert in catalogue("prometheus").alerts)
    metric = "prometheus_tsdb_head_series"
    until(
        lambda: metric in servers.prometheus.values("__name__", '{job=~".+"}'),
        "its own metrics are there",
    )
    found = linted(
        ["prometheus"], catalogue, every, catalogue_place, SPEC.name, servers.prometheus, alerts
    )
    assert [f"{flaw.rule}: {flaw.words}" for flaw, _ in found.flaws] == []


def test_a_silence_is_told_with_its_end_and_is_gone_when_it_is_ended(servers: Servers) -> None:
    labels = {"alertname": "RedisDown", "host": "n1"}
    made = servers.alertmanager.add(labels, 3600, "tester", "new disk")
    (kept,) = servers.alertmanager.there()
    assert (kept.id, kept.labels, kept.by, kept.reason) == (made, labels, "tester", "new disk")
    assert kept.ends - time.time() == pytest.approx(3600, abs=PATIENCE)
    servers.alertmanager.end(made)
    assert servers.alertmanager.there() == ()


def test_a_maintenance_silences_a_service_of_its_environment_and_no_word_of_others_is_lost(
    servers: Servers,
) -> None:
    """As where monitoring.alertmanager.url names it."""
    server, labels = servers.alertmanager, {"environment": "prod", "service": "shop"}
    of_people = server.add(labels, 3600, "ada", "let me sleep")
    silence(server, Quiet("prod", "shop", 600.0, "ops", "new disks", ("web", "old")))
    silence(server, Quiet("prod", "shop", 7200.0, "ops", "more new disks", ("web",)))
    kept = [one for one in server.there() if one.id != of_people]
    of_route = {"environment": "prod", "proxy": "web"}
    assert sorted(tuple(one.labels.items()) for one in kept) == sorted(
        tuple(one.items()) for one in (labels, of_route)
    )
    assert {one.by for one in kept} == {"opsctl maintenance of shop by ops"}
    assert {one.reason for one in kept} == {"more new disks"}
    assert kept[0].ends - time.time() == pytest.approx(7200, abs=PATIENCE)
    silence(server, Quiet("prod", "shop", 0.0, "ops", "", ("web",)))
    assert [one.id for one in server.there()] == [of_people]
    server.end(of_people)


def test_what_alertmanager_refuses_is_told_in_its_words(servers: Servers) -> None:
    with pytest.raises(OpsError, match="alerts/refused"):
        servers.alertmanager.add({}, 60, "tester", "no label at all")


def test_an_alertmanager_that_is_away_is_told_at_once() -> None:
    with pytest.raises(OpsError, match="alerts/away"):
        AlertmanagerServer("http://127.0.0.1:1", timeout=2.0).there()


def test_a_wrong_password_is_told_as_such(servers: Servers) -> None:
    one, other = servers.ports
    with pytest.raises(OpsError, match=r"metrics/away.*another name or password"):
        prometheus(one, "x").now("up")
    with pytest.raises(OpsError, match=r"alerts/away.*another name or password"):
        alertmanager(other, "x").there()


def test_a_server_that_is_another_or_of_another_authority_is_asked_nothing(
    servers: Servers,
) -> None:
    one, other = servers.ports
    stranger = EnvironmentSecrets("prod", Variables({"OPSCTL_ROOT_KEY": new_root_key()}), {})
    for wrong in (trust("metrics-1"), trust(secrets=stranger)):
        with pytest.raises(OpsError, match=r"metrics/away.*its certificate is refused"):
            prometheus(one, by=wrong).now("up")
        with pytest.raises(OpsError, match=r"alerts/away.*its certificate is refused"):
            alertmanager(other, by=wrong).there()


def test_a_renewed_certificate_is_shown_without_a_restart_or_a_reload(servers: Servers) -> None:
    """All that an apply does is write the file."""
    ago = EnvironmentSecrets("prod", ROOT, {}, lambda: time.time() - RENEWED)
    was = {port: shown(port) for port in servers.ports}
    (servers.folder / "web.pem").write_text(ago.certificate(PROOF) or "")
    assert {port: shown(port) for port in servers.ports} == dict.fromkeys(
        servers.ports, ago.certificate(PROOF)
    )
    (servers.folder / "web.pem").write_text(SECRETS.certificate(PROOF) or "")
    assert {port: shown(port) for port in servers.ports} == was


# -- the key `ca` of servers that are there already -------------------------------------------


def elsewhere(servers: Servers, folder: Path, authority: str) -> Path:
    """A spec whose monitoring is here, and certified by that authority."""
    one, other = servers.ports
    (folder / "theirs.pem").write_text(authority)
    login = {"user": USER, "password": {"secret": "told"}}
    known = {"basic_auth": login, "ca": "theirs.pem"}
    document = {
        "opsctl": 1,
        "name": "prod",
        "secrets": {"backend": "env"},
        "targets": {"dc": {"hosts": {"n1": {"address": HERE}}}},
        "monitoring": {
            "on": "dc",
            "prometheus": {"url": f"https://{HERE}:{one}", **known},
            "alertmanager": {"url": f"https://{HERE}:{other}", **known},
        },
    }
    (folder / "opsctl.yaml").write_text(json.dumps(document))
    return folder / "opsctl.yaml"


def test_the_authority_that_the_spec_names_is_believed_and_no_other(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSCTL_SECRET_TOLD", PASSWORD)
    # Whom variables name is not believed beside it.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(servers.folder / "ca.pem"))
    parts = wiring.parts([elsewhere(servers, tmp_path, SECRETS.certificate(CertRef()) or "")])
    with wiring.prometheus(parts, {}) as found:
        assert found.now("vector(1)")
    with wiring.alertmanager(parts, {}) as server:
        parts.silence(Quiet("prod", "shop", 600.0, "ops", "new disks"))
        assert [one.reason for one in server.there()] == ["new disks"]
        parts.silence(Quiet("prod", "shop", 0.0, "ops", ""))
    monkeypatch.setenv("OPSCTL_SECRET_TOLD", PASSWORD)
    parts = wiring.parts([elsewhere(servers, tmp_path, THEIRS.pem)])
    for opened, code in ((wiring.prometheus, "metrics"), (wiring.alertmanager, "alerts")):
        with pytest.raises(OpsError, match=f"{code}/away.*its certificate is refused") as refused:
            opened(parts, {}).__enter__()
        assert "as ca, by whom it is certified" in refused.value.hint


# -- two Alertmanagers ------------------------------------------------------------------------


@dataclass(frozen=True)
class Teller:
    """One Alertmanager, as its member's files start it."""

    seat: Seat
    server: AlertmanagerServer
    log: Path


@contextlib.contextmanager
def started(
    seats: tuple[Seat, ...], member: str, secrets: EnvironmentSecrets, lost: str = "nothing"
) -> Iterator[Teller]:
    """The member among these. `lost`: a word whose line its start script does not have."""
    work = tellers(seats)
    here = next(one for one in seats if one.member == member)
    below = lay_down(work.member(member), secrets)
    # Whom it believes is no secret: a stranger would know it.
    (below / "ca.pem").write_text(SECRETS.certificate(CertRef()) or "")
    script = below / "start.sh"
    lines = script.read_text().splitlines(keepends=True)
    script.write_text("".join(one for one in lines if lost not in one))
    with (below / "log").open("w") as log, contextlib.ExitStack() as stack:
        child = subprocess.Popen(["sh", str(script)], stdout=log, stderr=log)
        stack.callback(child.wait)
        stack.callback(child.kill)
        url = f"https://{HERE}:{here.ports['web']}"
        password = secrets.value(SecretRef(f"alerts/user/{USER}")) or ""
        by = Trust(secrets.certificate(CertRef()) or "", member)
        server = AlertmanagerServer(url, user=USER, password=password, trust=by)
        yield Teller(here, server, below / "log")


def silences(teller: Teller) -> set[str]:
    return {one.reason for one in teller.server.there()}


def _look_away(stranger: Teller) -> None:
    """Once it has tried to join."""
    until(lambda: "unable to join gossip mesh" in stranger.log.read_text(), "a try to join")
    until(lambda: silences(stranger) == set(), "the stranger answers")
    stranger.server.add({"alertname": "HostDown"}, 3600, "stranger", "look away")


def test_what_is_told_to_one_the_other_hears_and_nothing_of_who_has_no_certificate_of_theirs(
    tmp_path: Path,
) -> None:
    first, second, forger, plain = (
        seat(f"alerts-{at}", tmp_path, {"web": free_port(), "peers": free_port()})
        for at in range(4)
    )
    stranger = EnvironmentSecrets("prod", Variables({"OPSCTL_ROOT_KEY": new_root_key()}), {})
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(started((first, second), "alerts-0", SECRETS))
        two = stack.enter_context(started((first, second), "alerts-1", SECRETS))
        others = (
            stack.enter_context(started((first, forger), "alerts-2", stranger)),
            stack.enter_context(
                started((first, plain), "alerts-3", stranger, "cluster.tls-config")
            ),
        )
        until(lambda: silences(one) == silences(two) == set(), "both answer")
        one.server.add({"alertname": "RedisDown"}, 3600, "tester", "new disk")
        until(lambda: silences(two) == {"new disk"}, "the other hears of it")
        for other in others:
            _look_away(other)
        two.server.add({"alertname": "HostDown"}, 3600, "tester", "new rack")
        until(lambda: silences(one) == {"new disk", "new rack"}, "it goes both ways")
        assert silences(two) == {"new disk", "new rack"}
        assert [silences(other) for other in others] == [{"look away"}, {"look away"}]
        # A renewed certificate is shown there, too, when it lies there: without a restart.
        ago = EnvironmentSecrets("prod", ROOT, {}, lambda: time.time() - RENEWED)
        was = shown(first.ports["peers"])
        lay_down(tellers((first, second)).member("alerts-0"), ago)
        assert shown(first.ports["peers"]) != was
