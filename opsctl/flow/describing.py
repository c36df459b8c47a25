"""One service as its engine describes it, told of all that it needs to know of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsctl.flow.parts import Parts
from opsctl.monitoring import collecting
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
    """What the service is told, of which `workloads` were described before it.

    Those who collect metrics watch themselves too: where theirs are is asked of a first draft.
    """
    environment = parts.environment
    if not environment.services[name].collects:
        return directory(environment, name, workloads)
    draft = describe(parts, name, seats, Directory(environment=environment.name))
    return collecting(environment, name, {**workloads, name: draft}, parts.catalogue)
