"""When a Prometheus watches everything that it should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.engines import web
from opsctl.engines.prometheus.server import PROMETHEUS
from opsctl.workload import Directory, Gate, Seat, Standings


def watching(seats: tuple[Seat, ...], directory: Directory) -> Gate:
    """Every member answers, has the rules, and reaches each of its targets."""
    targets = tuple(_targets(directory))

    def holds(standings: Standings) -> str:
        if reason := web.unready(standings, seats, PROMETHEUS):
            return reason
        for seat in seats:
            details = standings[seat.member, PROMETHEUS].details
            if reason := next(_wrong(details, targets, directory), ""):
                return f"{seat.member}: {reason}"
        return ""

    return Gate("every target is up and every rule is loaded", holds, web.PATIENCE)


def _targets(directory: Directory) -> Iterator[str]:
    """By member; those that are on each node, however many there are, by their service."""
    for service, scrapes in directory.watched.items():
        for scrape in scrapes:
            name = f"{service}/*" if scrape.everywhere else scrape.member
            yield f"{name}/{scrape.job}"


def _wrong(
    details: Mapping[str, str], targets: tuple[str, ...], directory: Directory
) -> Iterator[str]:
    for name in sorted(directory.rules):
        if f"rules rules-{name}" not in details:
            yield f"the rules of {name} are not loaded"
    for name, said in details.items():
        if name.startswith("failing "):
            yield f"the rule {name.removeprefix('failing ')} fails: {said}"
    for target in targets:
        said = details.get(f"target {target}", "it is not asked yet")
        if said != "up":
            yield f"{target} is not up: {said}"
