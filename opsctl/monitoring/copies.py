"""What rules about a service's backups need to know: those whose jobs tell of them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from opsctl.model import Environment
from opsctl.monitoring.filling import number
from opsctl.workload import Workload

BACKUP = "backup"
"""The catalogue of rules about backups."""


_LOOKED_BACK = 0.9  # of how long metrics are kept: the oldest are about to go


def copies(environment: Environment, workload: Workload) -> Mapping[str, str] | None:
    """The values for a service whose backups are told of; None for others.

    `stale`: seconds after which a good backup is overdue, the longest time between two scheduled
    ones and that which the job may take. `missing`: how long ago there must have been none either;
    less where nobody remembers that long, for a rule about what is forgotten says nothing, ever.
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
    stale = workload.backups.every + max(job.timeout for job in jobs)
    return {
        "backups": f'environment="{environment.name}", of_service="{workload.service}"',
        "stale": number(stale),
        "missing": number(math.floor(min(stale, _LOOKED_BACK * _memory(environment)))),
    }


def _memory(environment: Environment) -> float:
    """Seconds for which everybody who collects keeps metrics. One that others run does not say it:
    Prometheus's own default is that of `monitoring.retention`."""
    own = [one.remembers for one in environment.services.values() if one.collects]
    theirs = [environment.monitoring.retention.seconds] if environment.monitoring else []
    return min(own or theirs, default=math.inf)
