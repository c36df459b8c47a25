"""The concrete parts of one environment, put together by wiring and spoken to through ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from opsctl.errors import OpsError, SpecError
from opsctl.model import Environment, ServiceBase
from opsctl.ports import Record, Secrets, Target
from opsctl.running.lease import TTL
from opsctl.workload import Engine, Quiet, Render, Workload

if TYPE_CHECKING:
    from opsctl.flow.reading import Live  # dashboards behind it, which few commands want
    from opsctl.monitoring import Catalogue  # rules behind it, for those who collect metrics

Versions: TypeAlias = Mapping[str, Mapping[str, str]]
"""By "target/system", then package."""


def _no_catalogue(name: str) -> Catalogue:  # noqa: ARG001
    from opsctl.monitoring import Catalogue

    return Catalogue()


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a use case needs.

    `with_document` makes the parts of another revision of the same environment, `with_versions`
    those with other package versions (by "target/system") than `opsctl.lock` has, which are
    `versions`. `keep_versions` writes such into it; raises OpsError. `lock_ttl`: seconds that
    a lock outlives its holder. `who` works, in the process `pid`. `generations` are those of
    derived secrets here (absent: 1), as `lock_file` has them. `catalogue` gives the metrics and
    rules of a name. `silence` tells the Alertmanager that others run, where the spec names one;
    raises OpsError.
    """

    environment: Environment
    engines: Mapping[str, Engine]
    targets: Mapping[str, Target]
    secrets: Secrets
    render: Callable[[Engine], Render]
    who: str
    copy_record: Callable[[Record], None]
    with_document: Callable[[Mapping[str, Any]], Parts]
    with_versions: Callable[[Versions], Parts]
    keep_versions: Callable[[str, Mapping[str, str]], None]
    versions: Versions = field(default_factory=dict)
    catalogue: Callable[[str], Catalogue] = _no_catalogue
    lock_ttl: float = TTL
    pid: int = 0
    generations: Mapping[str, int] = field(default_factory=dict)
    lock_file: str = "opsctl.lock"
    measured: Callable[[Mapping[str, Workload]], Mapping[str, Live]] = lambda _: {}
    silence: Callable[[Quiet], None] = lambda _: None

    def holder(self, doing: str) -> str:
        """As a lock names its holder: ops@control (pid 4711): apply."""
        return f"{self.who} (pid {self.pid}): {doing}"

    def engine(self, service: ServiceBase) -> Engine:
        """The engine of a service; the model refused unknown ones already."""
        return self.engines[service.engine]

    def target_of(self, name: str, service: ServiceBase) -> Target:
        """Where a service runs: what `on:` says, or the only target there is."""
        if service.on is not None:
            return self.targets[service.on]
        if len(self.targets) == 1:
            return next(iter(self.targets.values()))
        raise SpecError(
            "spec/no-target",
            f'service "{name}" does not say which target it runs on',
            where=self.environment.place(("services", name)),
            hint=f"add `on:` with one of {', '.join(sorted(self.targets))}",
        )

    def service(self, name: str) -> ServiceBase:
        """Raises OpsError `spec/unknown-service` for a name that the spec does not have."""
        if name not in self.environment.services:
            raise unknown("service", name, self.environment.services)
        return self.environment.services[name]


def unknown(noun: str, name: str, known: Mapping[str, object] | tuple[str, ...]) -> OpsError:
    """The error for a misspelt name on the command line."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there is {', '.join(sorted(known))}"
    return SpecError(f"spec/unknown-{noun}", f'there is no {noun} "{name}"', hint=hint)
