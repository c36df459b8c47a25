"""One service as its engine describes it, told of all that it needs to know of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.flow.parts import Parts
from opsctl.model import Environment
from opsctl.ports import Target
from opsctl.routes import directory, ways
from opsctl.workload import AddressRef, Directory, Scrape, Seat, Text, Workload

if TYPE_CHECKING:
    from opsctl.monitoring import Catalogue


def describe(parts: Parts, name: str, seats: Sequence[Seat], known: Directory) -> Workload:
    """The service on its seats. Raises OpsError for a combination that its engine can't build."""
    service = parts.environment.services[name]
    engine = parts.engine(service)
    return engine.describe(name, service, seats, parts.render(engine), known)


def known_to(
    parts: Parts, name: str, seats: Sequence[Seat], workloads: Mapping[str, Workload]
) -> Directory:
    """What the service is told, of which `workloads` were described before it."""

    def draft(known: Directory) -> Workload:
        return describe(parts, name, seats, known)

    known = told(parts.environment, name, workloads, draft, parts.catalogue)
    return _reached(parts, parts.environment.services[name].on, known, workloads)


def _reached(
    parts: Parts, on: str | None, known: Directory, workloads: Mapping[str, Workload]
) -> Directory:
    """With the addresses of members of other targets than `on`, which alone knows its own."""
    watched = {
        service: scrapes
        if (there := parts.environment.services[service].on) == on or there is None
        else tuple(_elsewhere(parts.targets[there], workloads[service], scrapes))
        for service, scrapes in known.watched.items()
    }
    return replace(known, watched=watched)


def _elsewhere(target: Target, workload: Workload, scrapes: Sequence[Scrape]) -> Iterator[Scrape]:
    def filled(texts: Mapping[str, str]) -> Mapping[str, str]:
        return {name: Text.parse(text).masked(address) for name, text in texts.items()}

    def address(ref: AddressRef) -> str:
        return target.address(workload.member(ref.member).seat)

    for one in scrapes:
        at = address(AddressRef(one.member, "ip"))
        yield replace(one, address=at, params=filled(one.params), labels=filled(one.labels))


def told(
    environment: Environment,
    name: str,
    workloads: Mapping[str, Workload],
    draft: Callable[[Directory], Workload],
    catalogue: Callable[[str], Catalogue],
) -> Directory:
    """The same from its parts. Who collects metrics watches himself too: where his are is asked of
    a first draft."""
    if environment.services[name].comes_in:
        return Directory(ways=ways(environment, name, workloads))
    if not environment.services[name].collects:
        return directory(environment, name, workloads)
    from opsctl.monitoring import watched_on

    own = draft(Directory(environment=environment.name))
    on = environment.services[name].on or ""
    return watched_on(environment, on, {**workloads, name: own}, catalogue)
