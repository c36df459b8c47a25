"""One service as its engine describes it, told of all that it needs to know of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from opsctl.flow.parts import Parts
from opsctl.model import Environment
from opsctl.monitoring import Catalogue, collecting
from opsctl.routes import directory
from opsctl.workload import Directory, Seat, Workload


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

    return told(parts.environment, name, workloads, draft, parts.catalogue)


def told(
    environment: Environment,
    name: str,
    workloads: Mapping[str, Workload],
    draft: Callable[[Directory], Workload],
    catalogue: Callable[[str], Catalogue],
) -> Directory:
    """The same from its parts. Who collects metrics watches himself too: where his are is asked of
    a first draft."""
    if not environment.services[name].collects:
        return directory(environment, name, workloads)
    own = draft(Directory(environment=environment.name))
    return collecting(environment, name, {**workloads, name: own}, catalogue)
