"""What rules about a service's backups need to know: those whose jobs tell of them."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.monitoring.filling import number
from opsctl.workload import Workload

BACKUP = "backup"
"""The catalogue of rules about backups."""


def copies(environment: str, workload: Workload) -> Mapping[str, str] | None:
    """The values for a service whose backups are told of; None for others.

    `stale`: seconds after which a good backup is overdue, the longest time between two scheduled
    ones and that which the job may take.
    """
    jobs = [
        job
        for member in workload.members()
        for component in member.components
        for job in component.jobs
        if job.metrics is not None
    ]
    if workload.backups is None or not jobs:
        return None
    return {
        "backups": f'environment="{environment}", of_service="{workload.service}"',
        "stale": number(workload.backups.every + max(job.timeout for job in jobs)),
    }
