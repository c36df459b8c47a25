"""How an Alertmanager that others run is told of a maintenance: its alerts are the environment's
among those of many."""

from __future__ import annotations

from opsctl.ports.alerts import Silences
from opsctl.workload import Quiet

OURS = "opsctl maintenance by"


def silence(server: Silences, environment: str, quiet: Quiet) -> None:
    """Nobody hears of the service's alerts for so long, whatever was said of that before; it ends
    there by itself. What other people silenced stays. Raises OpsError as Silences."""
    labels = {"environment": environment, "service": quiet.service}
    before = [one for one in server.there() if one.labels == labels and one.by.startswith(OURS)]
    if quiet.seconds:
        server.add(labels, quiet.seconds, f"{OURS} {quiet.who}", quiet.reason)
    for one in before:  # only now: no alert gets through between the two
        server.end(one.id)
