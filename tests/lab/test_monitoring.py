"""Monitoring beside what it watches, on real hosts: from a fault to somebody who is told."""

from __future__ import annotations

import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab_site import Ended, Site, await_until, members
from monitoring_client import (
    Webhook,
    asked,
    await_up,
    distrust,
    host_of,
    issue,
    query,
    shown,
    targets,
    trust,
    webhook,
)
from redis_client import await_whole, password
from route_client import primary, vip
from runbook_steps import reading_steps
from secret_watch import Needles

from conftest import MakeSite
from opsctl.data import catalogue, catalogues

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

SPEC = """\
opsctl: 1
name: shop
targets:
  dc: {{hosts: 'lab:{lab}'}}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: fast
    memory: 64MiB
    slo: {{availability: 99.9, latency: 1s}}
    backup: {{schedule: '* * * * *', keep: 1h}}
"""
ROUTES = """\
routes:
  sessions: {to: sessions, vip: VIP}
"""
MONITORING = """\
monitoring:
  on: dc
  replicas: 2
  interval: 5s
  alertmanager: {receivers: [{name: oncall, webhook: {secret: oncall}}]}
"""
PAIRS = {
    "metrics-dc": "prometheus",
    "alerts-dc": "alertmanager",
    "balancer-dc": "haproxy",
    "probe-dc": "probe",
    "reach-dc": "blackbox",
}
TARGETS = {
    *(f"hosts-dc-{n}/node" for n in range(4)),
    *(f"{service}-{n}/{job}" for n in range(2) for service, job in PAIRS.items()),
    *(f"sessions-{n}/{job}" for n in range(3) for job in ("redis", "sentinel")),
}
MIB = 1024**2


@pytest.fixture(scope="module")
def plain(make_site: MakeSite) -> Site:
    """Redis and its balancers, unwatched."""
    site = make_site("monitoring", 4, SPEC)
    site.write(site.spec + ROUTES.replace("VIP", vip(site)))
    site.apply()
    await_whole(site, "sessions")
    return site


@pytest.fixture(scope="module")
def heard(plain: Site) -> Iterator[Webhook]:
    with webhook(plain) as one:
        plain.ok("secrets", "set", "oncall", text=one.url)
        yield one


def started(site: Site) -> dict[str, str]:
    """By unit on each host: its main process, of what clients use."""
    script = "systemctl show 'opsctl-*-redis@*' 'opsctl-*-haproxy@*' -p Id -p MainPID --value"
    return {host.name: site.shell(host.name, script) for host in site.lab.hosts}


@pytest.fixture(scope="module")
def site(plain: Site, heard: Webhook) -> Site:
    """Monitoring came to running services, and restarted none of them."""
    before = started(plain)
    plain.write(plain.spec + MONITORING)
    planned = plain.plan()
    impacts = {change["impact"] for step in planned["steps"] for change in step["changes"]}
    assert impacts <= {"none", "reload"}
    plain.ok("apply", "--yes")
    assert started(plain) == before
    return plain


def watched(site: Site) -> set[str]:
    """What has to be up, also where no test before this one made a fourth member."""
    fourth = {"sessions-3/redis", "sessions-3/sentinel"} if "replicas: 4" in site.spec else set()
    return TARGETS | fourth


def test_everything_is_watched_and_a_second_plan_is_empty(site: Site) -> None:
    for member in ("metrics-dc-0", "metrics-dc-1"):
        await_up(site, TARGETS, member)
    site.assert_converged()


def test_everything_has_the_labels_that_say_whose_it_is(site: Site) -> None:
    (one,) = query(site, 'redis_up{member="sessions-1", job="redis"}')
    assert one["metric"]["job"] == "redis"
    assert one["metric"]["environment"] == "shop"
    assert one["metric"]["service"] == "sessions"
    assert one["metric"]["host"] == host_of(site, "sessions-1")
    for job in ("redis", "sentinel", *PAIRS.values(), "node"):
        assert query(site, f'up{{job="{job}", environment="shop", host=~"n[1-4]"}} == 1'), job


def test_every_metric_of_every_catalogue_is_sent(site: Site) -> None:
    """What a catalogue says is sent at times only ("sometimes") is not looked for."""
    wanted = {
        (metric.job, name)
        for one in catalogues()
        for name, metric in catalogue(one).metrics.items()
        if not metric.sometimes
    }

    def missing() -> list[tuple[str, str]]:
        series = query(site, 'count by (job, __name__) ({environment="shop"})')
        sent = {(one["metric"].get("job", ""), one["metric"]["__name__"]) for one in series}
        return sorted(wanted - sent)

    await_until(missing, lambda found: found == [], "every metric", 180)


def test_no_panel_of_any_dashboard_is_empty(site: Site) -> None:
    """Asked through a tunnel; what is a rate over minutes has to come first."""

    def check() -> Ended:
        return site.run("dashboards", "check")

    await_until(check, lambda ended: ended.exit == 0, "something in every panel", 180, show=True)


def test_alerts_are_asked_for_through_a_tunnel_and_none_is_unable_to_fire(site: Site) -> None:
    def firing() -> set[str]:
        found = site.ok("alerts", "list", "--firing", "--output", "json").json()
        return {one["alert"] for one in found["alerts"]}

    await_until(firing, lambda alerts: "Watchdog" in alerts, "the dead-man alert")
    await_until(lambda: site.run("alerts", "lint"), lambda ended: ended.exit == 0, "no flaw", 180)
    assert any(one["live"] for one in site.ok("status", "--output", "json").json()["services"])
    assert "Watchdog" not in site.ok("status").out


def tries(site: Site, outcomes: str) -> dict[str, float]:
    """By the member that tries: how often the route was used, with such an end."""
    wanted = (
        f'opsctl_probe_attempts_total{{route="sessions", to="sessions", outcome=~"{outcomes}"}}'
    )
    found = query(site, f"sum by (member) ({wanted})")
    return {one["metric"]["member"]: float(one["value"][1]) for one in found}


def test_the_route_is_used_as_clients_do_and_reached_from_two_places(site: Site) -> None:
    everywhere = {"probe-dc-0", "probe-dc-1"}
    await_until(
        lambda: {member for member, count in tries(site, "ok|slow").items() if count >= 3},
        lambda served: served == everywhere,
        "tries that are served",
    )
    reached = query(
        site, f'probe_success{{route="sessions", to="sessions", address="{vip(site)}"}}'
    )
    assert {one["metric"]["member"] for one in reached} == {"reach-dc-0", "reach-dc-1"}
    assert {one["value"][1] for one in reached} == {"1"}
    budget = 'slo:budget_left:ratio30d{service="sessions"}'
    (left,) = await_until(lambda: query(site, budget), bool, "the budget", 90)
    assert float(left["value"][1]) <= 1


def test_what_is_written_to_see_whether_it_is_served_stands_apart_and_goes(site: Site) -> None:
    def said(*words: str) -> list[str]:
        return site.ok("connect", f"sessions/{primary(site)}", *words).out.split()

    def keys() -> set[str]:
        return set(said("KEYS", "*")) - {"opsctl:proof"}  # of an apply, for a minute

    found = await_until(keys, bool, "a key of a try")
    assert all(key.startswith("opsctl-probe:") for key in found)
    (left,) = said("TTL", found.pop())
    assert 0 < int(left) <= 60


def test_when_the_last_backup_was_made_and_checked_is_told(site: Site) -> None:
    def told(what: str) -> dict[str, float]:
        found = query(site, f'opsctl_backup_{what}_timestamp_seconds{{of_service="sessions"}} > 0')
        return {one["metric"]["of_member"]: float(one["value"][1]) for one in found}

    # Whose turn it is changes with the primary: the tests before this one moved that.
    await_until(lambda: told("made"), bool, "a backup", 150)
    assert told("verified") == {}
    site.ok("backup", "verify", "sessions", "--yes")
    (checker,) = await_until(lambda: told("verified"), bool, "its check")
    assert checker in told("made")
    age_of = 'backup:age:seconds{service="sessions"}'
    (age,) = await_until(lambda: query(site, age_of), bool, "the backup's age", 90)
    assert 0 <= float(age["value"][1]) < 3600


def test_nobody_reads_without_a_password_where_there_can_be_one(site: Site) -> None:
    from urllib.request import urlopen

    seen = site.status()
    for service, port in (("metrics-dc", 9090), ("alerts-dc", 9093), ("hosts-dc", 9100),
                          ("balancer-dc", 8404)):  # fmt: skip
        where = members(seen, service)[0]["where"].rpartition("/")[2]
        address = next(host.address for host in site.lab.hosts if host.name == where)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urlopen(f"https://{address}:{port}/metrics", timeout=10, context=trust(site))
        assert refused.value.code == 401, service


def test_the_reading_steps_of_every_runbook_can_be_gone(site: Site) -> None:
    """Exit 3 says that something differs or is not well, which is for the reader to judge."""
    steps = sorted(reading_steps())
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda words: site.run(*words), steps))
    wrong = [
        f"opsctl {' '.join(words)}: exit {one.exit} {one.err[-400:]}"
        for words, one in zip(steps, ended, strict=True)
        if one.exit not in (0, 3)
    ]
    assert wrong == []


def test_a_replica_that_hangs_is_told_and_that_it_is_back(site: Site, heard: Webhook) -> None:
    victim = next(
        one["name"] for one in members(site.status(), "sessions")
        if one["name"] != primary(site)
    )  # fmt: skip
    host, unit = host_of(site, victim), f"opsctl-shop-sessions-redis@{victim}.service"
    site.on(host, "systemctl", "kill", "--signal=STOP", unit)
    try:
        fired = heard.until("RedisDown", "firing", member=victim)
    finally:
        site.on(host, "systemctl", "kill", "--signal=CONT", unit)
    assert fired["labels"]["severity"] == "page"
    assert fired["labels"]["host"] == host
    assert fired["labels"]["service"] == "sessions"
    heard.until("RedisDown", "resolved", member=victim)


def test_a_maintenance_holds_alerts_and_lets_them_go(site: Site) -> None:
    def silenced() -> list[str]:
        found = asked(site, "/api/v2/silences", "alerts-dc-1", 9093)
        return [one["comment"] for one in found if one["status"]["state"] == "active"]

    site.ok("maintenance", "sessions", "--for", "10m", "--reason", "new disks", "--yes")
    await_until(silenced, lambda found: set(found) == {"new disks"}, "the silence")
    site.ok("maintenance", "sessions", "--end", "--yes")
    await_until(silenced, lambda found: found == [], "the end of the silence")


def test_a_member_that_joins_is_watched_by_the_same_apply(site: Site) -> None:
    site.edit("replicas: 3", "replicas: 4")
    site.apply()
    for member in ("metrics-dc-0", "metrics-dc-1"):
        assert targets(site, member).get("sessions-3/redis") == "up"
    site.assert_converged()


def test_a_prometheus_is_small(site: Site) -> None:
    for member in ("metrics-dc-0", "metrics-dc-1"):
        used = query(site, f'process_resident_memory_bytes{{member="{member}"}}')
        assert float(used[0]["value"][1]) < 250 * MIB


def test_passwords_and_the_webhook_stand_in_files_that_nobody_else_reads(
    site: Site, heard: Webhook
) -> None:
    names = ("metrics-dc/user/opsctl", "alerts-dc/user/opsctl", "hosts-dc/user/opsctl",
             "balancer-dc/user/opsctl-metrics", "sessions/user/opsctl-metrics",
             "probe-dc/user/opsctl", "reach-dc/user/opsctl",
             "sessions/user/opsctl-probe")  # fmt: skip
    keys = {
        member: site.shell(
            host_of(site, member), f"cat /etc/opsctl/shop/*/{member}/{file}.pem.key"
        ).splitlines()[1]
        for member, file in (("metrics-dc-0", "web"), ("balancer-dc-0", "status"))
    }
    known = {name: password(site, name) for name in names} | keys | {"oncall": heard.url}
    needles = Needles(known)
    folders = "/etc/opsctl /var/lib/opsctl /run/opsctl /etc/systemd/system"
    show = f"(find {folders} -type f -perm -o+r -exec cat {{}} +; cat /proc/[0-9]*/cmdline)"
    show += " 2>/dev/null | tr -cd '[:print:]\\n'"
    for host in site.lab.hosts:
        assert needles.found_in(site.shell(host.name, show).encode()) == set(), host.name


def put(site: Site, host: str, path: str, text: str) -> None:
    """Over what is there: mode and owner stay."""
    site.on(host, "tee", path, text=text)


def processes(site: Site) -> dict[str, str]:
    """By host and unit: the main process of each server of ours. Jobs come and go by themselves."""
    script = "systemctl show 'opsctl-shop-*.service' -p Id -p Type -p MainPID"
    found = {}
    for host in site.lab.hosts:
        for unit in site.shell(host.name, script).split("\n\n"):
            said = dict(line.split("=", 1) for line in unit.splitlines() if line)
            if said and said["Type"] != "oneshot":
                found[f"{host.name} {said['Id']}"] = said["MainPID"]
    return found


def test_a_certificate_near_its_end_is_renewed_by_a_reload_and_the_next_plan_is_empty(
    site: Site,
) -> None:
    doors = {"balancer-dc-0": ("haproxy", "status.pem", 8404),
             "metrics-dc-0": ("prometheus", "web.pem", 9090)}  # fmt: skip
    old, address = {}, {}
    for member, (component, file, port) in doors.items():
        host, service = host_of(site, member), member.rpartition("-")[0]
        address[member] = next(one.address for one in site.lab.hosts if one.name == host)
        old[member] = issue(site, member, component, address[member], 20.5 * 86_400)
        put(site, host, f"/etc/opsctl/shop/{service}/{member}/{file}", old[member])
        if component == "haproxy":
            site.on(host, "systemctl", "reload", f"opsctl-shop-{service}-haproxy@{member}.service")
        await_until(
            lambda at=address[member], port=port: shown(at, port),
            lambda pem, old=old[member]: pem.strip() == old.strip(),
            "the old certificate",
        )
    listed = site.ok("cert", "list", "--output", "json").json()["certificates"]
    days = {one["member"]: one["days_left"] for one in listed}
    assert {member: days[member] for member in doors} == dict.fromkeys(doors, 20)
    assert all(day >= 29 for member, day in days.items() if member not in doors)
    assert "certificate of balancer-dc-0 haproxy: renew, 20 days left" in site.ok("status").out

    changes = [change for step in site.plan()["steps"] for change in step["changes"]]
    reasons = {one["member"]: one["reason"] for one in changes if one["reason"]}
    assert reasons == {member: f"certificate of {member}: renew, 20 days left" for member in doors}
    assert {(one["member"], one["impact"]) for one in changes} == {
        ("balancer-dc-0", "none"), ("balancer-dc-0", "reload"), ("metrics-dc-0", "none"),
    }  # fmt: skip
    before = processes(site)
    site.ok("apply", "--yes")
    assert processes(site) == before
    for member, (_, _, port) in doors.items():
        assert shown(address[member], port).strip() != old[member].strip()
    site.assert_converged()
    await_up(site, watched(site))


@pytest.mark.soak
def test_a_certificate_that_is_not_ours_is_told_and_replaced(site: Site) -> None:
    address = {host.name: host.address for host in site.lab.hosts}
    host = host_of(site, "hosts-dc-1")
    for member, pem in {
        "hosts-dc-1": issue(
            site, "hosts-dc-1", "exporter", address[host], 80 * 86_400, root=bytes(32)
        ),
        "alerts-dc-1": issue(site, "alerts-dc-1", "alertmanager", "10.1.2.3", 80 * 86_400),
        "metrics-dc-1": "nothing\n",
    }.items():
        folder = f"/etc/opsctl/shop/{member.rpartition('-')[0]}/{member}"
        put(site, host_of(site, member), f"{folder}/web.pem", pem)
    # Connections that are there already are kept.
    site.on(host, "systemctl", "restart", "opsctl-shop-hosts-dc-exporter@hosts-dc-1.service")
    await_until(
        lambda: targets(site).get("hosts-dc-1/node", ""),
        lambda said: "certificate" in said,
        "Prometheus to ask the stranger nothing",
    )
    changes = [change for step in site.plan()["steps"] for change in step["changes"]]
    assert {one["member"]: one["reason"] for one in changes} == {
        "hosts-dc-1": "certificate of hosts-dc-1: it is of another authority, "
        "opsctl shop authority 1",
        "alerts-dc-1": "certificate of alerts-dc-1: it has other names",
        "metrics-dc-1": "certificate of metrics-dc-1: this is no certificate",
    }
    site.ok("apply", "--yes")
    assert asked(site, "/api/v2/status", "alerts-dc-1", 9093)
    assert "10.1.2.3" not in shown(address[host_of(site, "alerts-dc-1")], 9093)
    site.assert_converged()


@pytest.mark.soak  # three applies that wait for every target, with each server's restart
def test_another_authority_comes_in_three_steps_and_nobody_is_unbelieved_meanwhile(
    site: Site,
) -> None:
    """Each apply ends only when every target is up. Of servers Alertmanagers alone read whom they
    believe of each other at their start."""

    def others() -> dict[str, str]:
        return {name: main for name, main in processes(site).items() if "alerts-dc" not in name}

    before = others()
    authorities = set()
    for _ in range(3):
        site.ok("cert", "rotate-ca")
        site.refused(4, "cert/step-open", "cert", "rotate-ca")
        site.ok("apply", "--yes", "--max-impact", "restart")
        distrust(site)
        await_up(site, watched(site))
        authorities.add(site.ok("cert", "show-ca").out.count("BEGIN CERTIFICATE"))
    assert authorities == {1, 2}
    listed = site.ok("cert", "list", "--output", "json").json()["certificates"]
    assert {one["issuer"] for one in listed} == {"opsctl shop authority 2"}
    assert others() == before
    site.assert_converged()


def test_a_service_that_goes_is_watched_no_more(site: Site) -> None:
    site.write(site.spec.replace("routes:\n  sessions: {to", "# {to"))
    before = asked(site, "/api/v1/rules")["data"]["groups"]
    assert any("balancer" in name for name in targets(site))
    site.ok("apply", "--yes", "--max-impact", "failover", "--prune")
    assert not any("balancer" in name for name in targets(site))
    after = asked(site, "/api/v1/rules")["data"]["groups"]
    assert len(after) <= len(before)
    assert not any("balancer" in group["name"] for group in after)
    site.assert_converged()
