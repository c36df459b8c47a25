"""Minor upgrades: what is newer within the versions that the spec allows, as a Plan."""

from __future__ import annotations

from dataclasses import dataclass, replace

from opsctl.flow.applying import apply_plan
from opsctl.flow.consent import Consent
from opsctl.flow.looking import make_plan
from opsctl.flow.operating import workload_of
from opsctl.flow.parts import Parts, Versions
from opsctl.flow.survey import Survey, survey
from opsctl.planning.desired import Scope
from opsctl.planning.plan import Plan
from opsctl.planning.resource import Impact
from opsctl.planning.workloads import Workloads
from opsctl.ports import Events
from opsctl.running.context import Stop
from opsctl.running.runner import Report
from opsctl.workload import Workload


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What `opsctl upgrade` would do. `parts` have the newer versions already."""

    parts: Parts
    versions: Versions
    plan: Plan
    seen: Survey


def upgrade_plan(parts: Parts, services: tuple[str, ...]) -> Upgrade:
    """The newest versions for `services` (all that opsctl manages when empty), and what they
    change. Packages are a host's, so other services that use the same ones are in it too."""
    before = survey(parts)
    present = before.present
    for name in services:
        workload_of(parts, before, name)
    names = services or tuple(present)
    versions = _newest(parts, present, names)
    newer = parts.with_versions(versions)
    limit = tuple(name for name, found in present.items() if _packages(*found, versions))
    plan, seen = make_plan(newer, Scope(limit=limit or names), f"upgrade {' '.join(names)}")
    return Upgrade(newer, versions, replace(plan, asked=Impact.FAILOVER, reach="named"), seen)


def upgrade(made: Upgrade, consent: Consent, events: Events, stop: Stop) -> Report:
    """Runs it. The lock file is raised before its first step, so that an upgrade that breaks off
    goes on with `apply`; one that is refused leaves it as it was."""

    def raise_versions() -> None:
        for key, versions in sorted(made.versions.items()):
            made.parts.keep_versions(key, versions)

    return apply_plan(made.parts, made.plan, made.seen, consent, events, stop, first=raise_versions)


def _newest(parts: Parts, present: Workloads, names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, target in parts.targets.items():
        mine = [present[service][1] for service in names if present[service][0] == name]
        for system, versions in target.newest(mine).items() if mine else ():
            found[f"{name}/{system}"] = dict(versions)
    return found


def _packages(target: str, workload: Workload, versions: Versions) -> bool:
    """Whether a service has one of these packages somewhere."""
    return any(
        package.name in versions.get(f"{target}/{member.seat.system}", {})
        for member in workload.members()
        for component in member.components
        for package in component.software.packages.get(member.seat.system, ())
    )
