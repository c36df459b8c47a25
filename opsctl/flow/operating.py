"""The verbs of a service: each makes a Plan, run by the same runner as an apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from opsctl import __version__
from opsctl.errors import Exit, OpsError
from opsctl.flow.parts import Parts, unknown
from opsctl.flow.survey import Survey, survey
from opsctl.planning.digest import step_digest
from opsctl.planning.observation import Observation
from opsctl.planning.plan import Change, Plan, Step
from opsctl.planning.resource import Impact, Resource
from opsctl.planning.steps import roll_steps, settle_steps, settle_without
from opsctl.running.verbs import acts_of
from opsctl.workload import Member, Workload


def switchover_plan(parts: Parts, service: str, to: str = "") -> tuple[Plan, Survey]:
    """A planned move of the primary role to `to`, or to the best replica."""
    return _verb_plan(parts, "switchover", service, to)


def failover_plan(parts: Parts, service: str, to: str = "") -> tuple[Plan, Survey]:
    """A move of the primary role without its holder's help."""
    return _verb_plan(parts, "failover", service, to)


def restart_plan(parts: Parts, names: tuple[str, ...]) -> tuple[Plan, Survey]:
    """Restarts the members of `names` ("service" or "service/member"), one at a time. Those that
    can't be seen are gone on without, once that was said."""
    seen = survey(parts)
    wanted: dict[tuple[str, str], list[Change]] = {}
    for name in names:
        service, _, member = name.partition("/")
        workload = workload_of(parts, seen, service)
        if member and member not in {item.name for item in workload.members()}:
            raise unknown("member", member, tuple(item.name for item in workload.members()))
        for key, changes in restarts(seen.desired.resources, service, member).items():
            wanted.setdefault(key, []).extend(changes)
    away = seen.observation.unreachable
    there = {key: mine for key, mine in wanted.items() if not any(c.id.where in away for c in mine)}
    rolls = roll_steps(there or wanted, seen.present, seen.observation, ())
    services = tuple(dict.fromkeys(service for service, _ in wanted))
    settles = settle_steps(services, seen.present, rolls)
    plan = verb_plan(parts, seen, f"restart {' '.join(names)}", (*rolls, *settles))
    places = {change.id.where for mine in wanted.values() for change in mine}
    return replace(plan, unreachable=tuple(sorted(places & set(away)))), seen


def restarts(
    resources: tuple[Resource, ...], service: str, member: str = ""
) -> dict[tuple[str, str], list[Change]]:
    """By (service, member): the restart of every process of a service, or of one member."""
    found: dict[tuple[str, str], list[Change]] = {}
    for resource in _processes(resources, service, member):
        found.setdefault((service, resource.member), []).append(_asked(resource))
    return found


def _processes(resources: tuple[Resource, ...], service: str, member: str) -> Iterator[Resource]:
    for resource in resources:
        if resource.component and resource.service == service and member in ("", resource.member):
            yield resource


def _asked(resource: Resource) -> Change:
    return Change(
        id=resource.id,
        verb="run",
        service=resource.service,
        member=resource.member,
        component=resource.component,
        impact=Impact.RESTART,
        reason="asked for",
    )


def _verb_plan(parts: Parts, verb: str, service: str, to: str) -> tuple[Plan, Survey]:
    seen = survey(parts)
    workload = workload_of(parts, seen, service)
    step = Step(
        id=f"{verb}/{service}",
        kind="operate",
        title=f"{verb} of {service}" + (f" to {to}" if to else ""),
        target=seen.present[service][0],
        service=service,
        impact=Impact.FAILOVER,
        verb=verb,
        arguments={"to": to},
    )
    # Asked once now, so that a refusal comes before anything is locked; asked again when it runs.
    acts = acts_of(step, workload, seen.observation.standings_of(workload))
    step = replace(step, after="; ".join(act.call.words for act in acts))
    (settle,) = settle_steps((service,), seen.present, (step,))
    if verb == "failover":
        settle = _without_those_down(settle, seen.observation, workload)
    return verb_plan(parts, seen, step.title, (step, settle)), seen


def _without_those_down(settle: Step, observation: Observation, workload: Workload) -> Step:
    """A failover is there for members that are down, so its end does not wait for them."""
    up = [member for member in workload.members() if _up(observation, member)]
    down = sorted({member.name for member in workload.members()} - {one.name for one in up})
    if not down or not up:
        return settle
    return settle_without(settle, down, [member.name for member in up])


def _up(observation: Observation, member: Member) -> bool:
    asked = [part.name for part in member.components if part.health is not None]
    standings = [observation.standings.get((member.name, name)) for name in asked]
    return all(standing is not None and standing.role != "unknown" for standing in standings)


def workload_of(parts: Parts, seen: Survey, service: str) -> Workload:
    """Raises OpsError for a name that is not in the spec, or is not built here."""
    found = parts.service(service)
    if service not in seen.present:
        words = "is not managed by opsctl" if found.external else "is absent"
        raise OpsError(
            "operate/not-managed", f"{service} {words}", where=service, exit=Exit.REFUSED
        )
    return seen.present[service][1]


def verb_plan(parts: Parts, seen: Survey, title: str, steps: tuple[Step, ...]) -> Plan:
    """A plan of these steps, agreed to by the verb that was typed."""
    plan = Plan(
        environment=parts.environment.name,
        document=parts.environment.document,
        steps=steps,
        title=title,
        made_by=__version__,
        facts={step.id: step_digest(step) for step in steps},
        asked=Impact.FAILOVER,
        reach="none",
    )
    touched = {where for step in steps for where in step.where}
    away = tuple(sorted(touched & set(seen.observation.unreachable)))
    return replace(plan, unreachable=away)
