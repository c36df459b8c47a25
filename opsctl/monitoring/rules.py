"""One file of recording and alerting rules for every service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from opsctl.model import Environment
from opsctl.monitoring.catalogue import Alert, Catalogue, Each, Record
from opsctl.monitoring.copies import BACKUP, copies
from opsctl.monitoring.dashboards.naming import service_uid
from opsctl.monitoring.filling import fill, number
from opsctl.monitoring.promises import PROMISES, promise, windows
from opsctl.monitoring.rule_text import Rule, RuleGroup, rule_text
from opsctl.workload import Signals, Workload

MEMBERS = "members"
"""The catalogue of rules about members that the place is asked for."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What one catalogue's rules are made for. `values` fill their holes; `facts` decide which are
    meant; `each` has the values of those rules that are made several times; `dashboard` is a link.
    `part` is what the group is called behind the service, where it is not about its servers.
    """

    catalogue: str
    environment: str
    service: str
    facts: Mapping[str, float]
    values: Mapping[str, str]
    each: Mapping[Each, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    dashboard: str = ""
    part: str = ""


def rule_files(
    environment: Environment,
    workloads: Mapping[str, Workload],
    catalogue: Callable[[str], Catalogue],
) -> Mapping[str, str]:
    """By name, a Prometheus rule file for every service that gives metrics or is promised to
    clients; the same for the same.

    `catalogue` gives what alerts/NAME.yaml says. Raises OpsError `monitoring/unknown-name` for a
    name in a rule that the service's facts don't have.
    """
    files = {}
    for service in sorted({*workloads, *environment.services}):
        groups = rule_groups(environment, service, workloads, catalogue)
        if groups:
            files[f"{environment.name}-{service}.yaml"] = rule_text(groups)
    return files


def rule_groups(
    environment: Environment,
    service: str,
    workloads: Mapping[str, Workload],
    catalogue: Callable[[str], Catalogue],
) -> tuple[RuleGroup, ...]:
    """The rules of one service. Raises as `rule_files`."""
    groups = []
    for subject in subjects(environment, service, workloads):
        found = catalogue(subject.catalogue)
        rules = tuple(rules_of(subject, found))
        if rules:
            name = f"{environment.name}/{service}{subject.part}"
            groups.append(RuleGroup(name, rules, found.interval))
    return tuple(groups)


def subjects(
    environment: Environment, service: str, workloads: Mapping[str, Workload]
) -> Iterator[Subject]:
    """What there are rules about: the service itself, its backups, whether its members are there
    at all, and what its clients are promised."""
    workload = workloads.get(service)
    if workload is not None and workload.signals is not None:
        yield _servers(environment, service, workload.signals)
        kept = copies(environment.name, workload)
        if kept is not None:
            yield _beside(environment, service, BACKUP, kept, {})
        sought = tuple(_sought(workload))
        if sought:
            yield _beside(environment, service, MEMBERS, {}, {"member": sought})
    promised = promise(environment, service, workloads)
    if promised is not None:
        yield _beside(environment, service, PROMISES, promised, {"window": windows()})


def _servers(environment: Environment, service: str, signals: Signals) -> Subject:
    return Subject(
        signals.catalogue,
        environment.name,
        service,
        signals.facts,
        known(environment.name, service, signals.facts),
        {"vip": [{"address": address} for address in _addresses(environment, service)]},
        dashboard_link(environment, service),
    )


def _beside(
    environment: Environment,
    service: str,
    catalogue: str,
    values: Mapping[str, str],
    each: Mapping[Each, Sequence[Mapping[str, str]]],
) -> Subject:
    """What is not about the servers themselves: its rules are a group of their own."""
    return Subject(
        catalogue,
        environment.name,
        service,
        {},
        {**known(environment.name, service, {}), **values},
        each,
        dashboard_link(environment, service),
        part=f"/{catalogue}",
    )


def _sought(workload: Workload) -> Iterator[Mapping[str, str]]:
    """The members of a fixed number that the place is asked for, each with its kind of server, once
    however much it is asked."""
    seats = {member.name: member.seat for member in workload.members()}
    scrapes = workload.signals.scrapes if workload.signals else ()
    for member, job in dict.fromkeys((one.member, one.job) for one in scrapes):
        seat = seats.get(member)
        if seat is not None and seat.realm and not seat.near_clients:
            yield {"member": member, "job": job}


def _addresses(environment: Environment, pool: str) -> Sequence[str]:
    """The floating ones of the balancers' routes."""
    routes = environment.routes.values()
    return sorted({route.vip.ip for route in routes if route.vip and route.via == pool})


def dashboard_link(environment: Environment, service: str) -> str:
    """Where the service's dashboard is; without its server where the spec names no Grafana."""
    grafana = environment.grafana
    server = grafana.url.rstrip("/") if grafana is not None else ""
    return f"{server}/d/{service_uid(environment.id, service)}"


def known(environment: str, service: str, facts: Mapping[str, float]) -> Mapping[str, str]:
    """What {{ name }} may say in the rules of a service."""
    return {
        "environment": environment,
        "service": service,
        "selector": f'environment="{environment}", service="{service}"',
        "in_environment": f'environment="{environment}"',
        **{name: number(value) for name, value in facts.items()},
    }


def rules_of(subject: Subject, catalogue: Catalogue) -> Iterator[Rule]:
    """Records first: alerts of the same group see what was just recorded."""
    for record in catalogue.records:
        for values in _times(record, subject):
            yield _record(record, values, subject)
    for alert in catalogue.alerts:
        for values in _times(alert, subject):
            yield _alert(alert, values, subject)


def _times(rule: Alert | Record, subject: Subject) -> Iterator[Mapping[str, str]]:
    """The values of every rule that is made of this one: none, one or several."""
    if not all(subject.facts.get(fact) for fact in rule.where):
        return
    if rule.each is None:
        yield subject.values
    else:
        for more in subject.each.get(rule.each, ()):
            yield {**subject.values, **more}


def _record(record: Record, values: Mapping[str, str], subject: Subject) -> Rule:
    where = f"alerts/{subject.catalogue}.yaml, {record.record}"
    name, expr = fill(record.record, values, where), fill(record.expr, values, where)
    return Rule(name, expr, labels=_own(subject))


def _alert(alert: Alert, values: Mapping[str, str], subject: Subject) -> Rule:
    """With what a person needs who is called by it."""
    where = f"alerts/{subject.catalogue}.yaml, {alert.alert}"
    own = _own(subject)
    if "service" in alert.labels:
        del own["service"]
    if alert.each == "vip":
        own["address"] = values["address"]
    if alert.each == "member":
        own |= {"member": values["member"], "job": values["job"]}
    return Rule(
        alert.alert,
        fill(alert.expr, values, where),
        alert=True,
        hold=alert.hold,
        labels={"severity": alert.severity, **own},
        annotations={name: fill(text, values, where) for name, text in _words(alert, subject)},
    )


def _own(subject: Subject) -> dict[str, str]:
    """An aggregate may have lost them."""
    return {"environment": subject.environment, "service": subject.service}


def _words(alert: Alert, subject: Subject) -> Iterator[tuple[str, str]]:
    yield "summary", alert.summary
    yield "impact", alert.impact
    yield "evidence", alert.evidence
    yield "action", alert.action
    yield "runbook", runbook_command(alert, subject.service)
    yield "dashboard", subject.dashboard


def runbook_command(alert: Alert, service: str) -> str:
    """What somebody who is called types first; a template of Prometheus's."""
    labels = {"service": service} | {label: f"{{{{ $labels.{label} }}}}" for label in alert.labels}
    own = " ".join(f"--label {name}={value}" for name, value in labels.items())
    return f"opsctl runbook show {alert.alert} {own}"
