"""What those who collect metrics are told: what to watch, whom to tell, which rules to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from opsctl.model import Environment
from opsctl.monitoring.catalogue import Catalogue
from opsctl.monitoring.rules import rule_files
from opsctl.workload import Directory, Scrape, Seat, Workload


def watched_on(
    environment: Environment,
    on: str,
    workloads: Mapping[str, Workload],
    catalogue: Callable[[str], Catalogue],
) -> Directory:
    """For whoever collects from the target `on`: those of `workloads` that run there or are watched
    from there. Raises OpsError for a catalogue that is missing or wrong."""
    targets = environment.watched_from(on)
    homes = {name: environment.services[name].on or "" for name in workloads}
    mine = {name: one for name, one in workloads.items() if homes[name] in targets}
    firsts = _firsts(
        (homes[name], member.seat.node)
        for name in sorted(mine, key=lambda name: targets.index(homes[name]))
        for member in mine[name].members()
    )
    watched = {
        name: scrapes
        for name, one in mine.items()
        if (scrapes := _scrapes(one, homes[name], firsts))
    }
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


def _firsts(places: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """By host, the first target that has one of that name, of (target, host)."""
    found: dict[str, str] = {}
    for target, host in places:
        found.setdefault(host, target)
    return found


def _scrapes(workload: Workload, home: str, firsts: Mapping[str, str]) -> tuple[Scrape, ...]:
    """Rules take one name for one host, and so does what a dead one holds back: where another
    target has that name first, it stands behind its own target's."""

    def placed(scrape: Scrape, seat: Seat) -> Scrape:
        host = seat.node if firsts[seat.node] == home else f"{home}/{seat.node}"
        return replace(scrape, host=host, realm=seat.realm, everywhere=seat.near_clients)

    seats = {member.name: member.seat for member in workload.members()}
    signals = workload.signals
    return tuple(placed(one, seats[one.member]) for one in signals.scrapes) if signals else ()
