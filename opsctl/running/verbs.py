"""A service's verbs: which acts a step's verb comes to, with the standings of the moment."""

from __future__ import annotations

from collections.abc import Callable

from opsctl.errors import Exit, OpsError
from opsctl.planning.plan import Step
from opsctl.workload import Act, Backups, Standings, Workload

TAKE, VERIFY, RESTORE = "backup", "verify", "restore"


def acts_of(step: Step, workload: Workload, standings: Standings) -> tuple[Act, ...]:
    """Raises OpsError for what can't be had as things stand."""
    given, operations = step.arguments, workload.operations
    verbs: dict[str, Callable[[], tuple[Act, ...]]] = {
        "switchover": lambda: operations.switchover(standings, given.get("to", "")),
        "failover": lambda: operations.failover(standings, given.get("to", "")),
        TAKE: lambda: backups_of(workload).take(standings),
        VERIFY: lambda: backups_of(workload).verify(given["member"], given["backup"]),
        RESTORE: lambda: backups_of(workload).restore(standings, given["member"], given["backup"]),
    }
    return verbs[step.verb]()


def backups_of(workload: Workload) -> Backups:
    """Raises OpsError `backup/none` for a service without any."""
    if workload.backups is not None:
        return workload.backups
    raise OpsError(
        "backup/none",
        f"{workload.service} has no backups here",
        where=workload.service,
        hint='backup: {schedule: "0 3 * * *"} in the spec; then apply',
        exit=Exit.REFUSED,
    )
