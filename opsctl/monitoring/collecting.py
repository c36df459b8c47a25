"""What those who collect metrics are told: what to watch, whom to tell, which rules to keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from opsctl.model import Environment
from opsctl.monitoring.catalogue import Catalogue
from opsctl.monitoring.rules import rule_files
from opsctl.workload import Directory, Scrape, Seat, Workload


def collecting(
    environment: Environment,
    collector: str,
    workloads: Mapping[str, Workload],
    catalogue: Callable[[str], Catalogue],
) -> Directory:
    """For the service `collector`: those of `workloads` that run on its target or are watched from
    there, itself among them.

    Raises OpsError for a catalogue that is missing or wrong.
    """
    return watched_on(environment, environment.services[collector].on or "", workloads, catalogue)


def watched_on(
    environment: Environment,
    on: str,
    workloads: Mapping[str, Workload],
    catalogue: Callable[[str], Catalogue],
) -> Directory:
    """The same for whoever collects from the target `on`. Raises as `collecting`."""
    monitoring = environment.monitoring
    also = monitoring.also if monitoring is not None and monitoring.on == on else ()
    mine = {
        name: one for name, one in workloads.items() if environment.services[name].on in (on, *also)
    }
    watched = {name: scrapes for name, one in mine.items() if (scrapes := _scrapes(one))}
    return Directory(
        environment=environment.name,
        watched=watched,
        alerting=tuple(
            scrape
            for name, scrapes in watched.items()
            if environment.services[name].routes_alerts
            for scrape in scrapes
        ),
        rules=rule_files(environment, mine, catalogue),
    )


def _scrapes(workload: Workload) -> tuple[Scrape, ...]:
    seats = {member.name: member.seat for member in workload.members()}
    signals = workload.signals
    return tuple(_placed(one, seats[one.member]) for one in signals.scrapes) if signals else ()


def _placed(scrape: Scrape, seat: Seat) -> Scrape:
    return replace(scrape, host=seat.node, realm=seat.realm, everywhere=seat.near_clients)
