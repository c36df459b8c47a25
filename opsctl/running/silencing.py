"""How an Alertmanager that others run is told of a maintenance: its alerts are the environment's
among those of many."""

from __future__ import annotations

from opsctl.ports.alerts import Silences
from opsctl.workload import Quiet


def silence(server: Silences, quiet: Quiet) -> None:
    """Nobody hears of the service's alerts for so long, whatever was said of that before; it ends
    there by itself. What other people silenced stays. Raises OpsError as Silences."""
    before = [
        one
        for one in server.there()
        if one.by.startswith(quiet.sign) and one.labels.get("environment") == quiet.environment
    ]
    for labels in quiet.labels if quiet.seconds else ():
        server.add(labels, quiet.seconds, f"{quiet.sign}{quiet.who}", quiet.reason)
    for one in before:  # only now: no alert gets through between the two
        server.end(one.id)
