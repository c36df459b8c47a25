"""One file of recording and alerting rules for every service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from opsctl.model import Environment
from opsctl.monitoring.catalogue import Alert, Catalogue, Record
from opsctl.monitoring.dashboards.naming import service_uid
from opsctl.monitoring.filling import fill, number
from opsctl.monitoring.rule_text import Rule, RuleGroup, rule_text
from opsctl.workload import Signals, Workload


def rule_files(
    environment: Environment,
    workloads: Mapping[str, Workload],
    catalogue: Callable[[str], Catalogue],
) -> Mapping[str, str]:
    """By name, a Prometheus rule file for every service that gives metrics; the same for the same.

    `catalogue` gives what alerts/NAME.yaml says. Raises OpsError `monitoring/unknown-name` for a
    name in a rule that the service's facts don't have.
    """
    files: dict[str, str] = {}
    for service in sorted(workloads):
        signals = workloads[service].signals
        if signals is not None:
            groups = rule_groups(environment, service, signals, catalogue(signals.catalogue))
            if groups:
                files[f"{environment.name}-{service}.yaml"] = rule_text(groups)
    return files


def rule_groups(
    environment: Environment, service: str, signals: Signals, catalogue: Catalogue
) -> tuple[RuleGroup, ...]:
    """Records first: alerts of the same group see what was just recorded."""
    values = {
        **known(environment.name, service, signals.facts),
        "dashboard": dashboard_link(environment, service),
    }
    rules = (
        *(record_rule(one, values, signals) for one in catalogue.records if meant(one, signals)),
        *(alert_rule(one, values, signals) for one in catalogue.alerts if meant(one, signals)),
    )
    return (RuleGroup(f"{environment.name}/{service}", rules),) if rules else ()


def dashboard_link(environment: Environment, service: str) -> str:
    """Where the service's dashboard is; without its server where the spec names no Grafana."""
    monitoring = environment.monitoring
    grafana = monitoring.grafana if monitoring is not None else None
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


def meant(rule: Alert | Record, signals: Signals) -> bool:
    """Whether the service has all that the rule is about."""
    return all(signals.facts.get(fact) for fact in rule.where)


def record_rule(record: Record, values: Mapping[str, str], signals: Signals) -> Rule:
    where = f"alerts/{signals.catalogue}.yaml, {record.record}"
    return Rule(record.record, fill(record.expr, values, where), labels=_own(values))


def alert_rule(alert: Alert, values: Mapping[str, str], signals: Signals) -> Rule:
    """With what a person needs who is called by it."""
    where = f"alerts/{signals.catalogue}.yaml, {alert.alert}"
    return Rule(
        alert.alert,
        fill(alert.expr, values, where),
        alert=True,
        hold=fill(alert.hold, values, where),
        labels={"severity": alert.severity, **_own(values)},
        annotations={name: fill(text, values, where) for name, text in _words(alert, values)},
    )


def _own(values: Mapping[str, str]) -> dict[str, str]:
    """An aggregate may have lost them."""
    return {name: values[name] for name in ("environment", "service")}


def _words(alert: Alert, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "summary", alert.summary
    yield "impact", alert.impact
    yield "evidence", alert.evidence
    yield "action", alert.action
    yield "runbook", runbook_command(alert.alert, values["service"], alert.labels)
    yield "dashboard", values["dashboard"]


def runbook_command(alert: str, service: str, labels: tuple[str, ...]) -> str:
    """What somebody who is called types first."""
    own = [
        f"--label service={service}",
        *(f"--label {one}={{{{ $labels.{one} }}}}" for one in labels),
    ]
    return f"opsctl runbook show {alert} {' '.join(own)}"
