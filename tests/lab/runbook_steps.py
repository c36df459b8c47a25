"""What runbooks tell a reader to look at, as commands about an environment with monitoring."""

from __future__ import annotations

from opsctl.data import catalogue, catalogues, runbook_page
from opsctl.monitoring.runbooks import runbook

SUBJECTS = {
    "redis": ("sessions", "sessions-0"),
    "haproxy": ("balancer-dc", "balancer-dc-0"),
    "node": ("hosts-dc", "hosts-dc-0"),
    "chrony": ("hosts-dc", "hosts-dc-0"),
    "prometheus": ("metrics-dc", "metrics-dc-0"),
    "alertmanager": ("alerts-dc", "alerts-dc-0"),
}
"""By catalogue, whom its alerts may be about here; what is not said is about the sessions."""


def reading_steps() -> set[tuple[str, ...]]:
    """Those of every runbook, for somebody who is here; of the same command about several alerts
    one."""
    found = set()
    for name in catalogues():
        service, member = SUBJECTS.get(name, SUBJECTS["redis"])
        labels = {"service": service, "member": member, "host": "n1", "of_member": member}
        for alert in catalogue(name).alerts:
            others = {label: "sessions" for label in alert.labels if label not in labels}
            page = runbook(alert.alert, runbook_page(alert.alert), {**others, **labels})
            steps = (step for section in page.sections for step in section.commands if step.reads)
            found |= {
                tuple("Watchdog" if word == alert.alert else word for word in step.words)
                for step in steps
            }
    return found
