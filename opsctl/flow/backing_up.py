"""Backups: what there is of them, and the plans that take, verify and restore one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from opsctl.errors import Exit, OpsError, SpecError
from opsctl.flow.operating import verb_plan, workload_of
from opsctl.flow.parts import Parts
from opsctl.flow.survey import Survey, survey
from opsctl.planning.plan import Plan, Step
from opsctl.planning.resource import Impact
from opsctl.planning.steps import settle_steps
from opsctl.ports import Asked, Target
from opsctl.running.verbs import RESTORE, TAKE, VERIFY, acts_of, backups_of
from opsctl.workload import Backup, Shelf, Workload

LATEST, BEFORE = "latest", "before-"


@dataclass(frozen=True, slots=True)
class Kept:
    """What the members of a service keep; one whose node does not answer is not in `shelves`."""

    service: str
    every: float  # seconds between two scheduled ones
    shelves: Mapping[str, Shelf]
    silent: tuple[str, ...]

    @property
    def backups(self) -> tuple[Backup, ...]:
        """All of them, the newest first."""
        found = [backup for shelf in self.shelves.values() for backup in shelf.backups]
        return tuple(sorted(found, key=lambda one: (one.at, one.name), reverse=True))

    def holder(self, backup: Backup) -> str:
        """On whose node it lies: what was brought from elsewhere bears another member's name."""
        return next(name for name, shelf in self.shelves.items() if backup in shelf.backups)


def kept(parts: Parts, service: str = "") -> tuple[Kept, ...]:
    """What there is of one service, or of all that have backups."""
    seen = survey(parts)
    names = (service,) if service else tuple(sorted(seen.present))
    if service:
        backups_of(workload_of(parts, seen, service))
    found = (seen.present[name] for name in names)
    return tuple(
        kept_by(parts.targets[target], workload, seen.observation.unreachable)
        for target, workload in found
        if workload.backups is not None
    )


def kept_by(target: Target, workload: Workload, away: Collection[str]) -> Kept:
    """One look at every member's folder. Who is on one of the places that are `away` is not waited
    for again."""
    backups = backups_of(workload)
    asked = [
        Asked(member.seat, backups.component, backups.shelf(member.name))
        for member in workload.members()
        if f"{target.name}/{member.seat.node}" not in away
    ]
    answers = target.ask(asked)
    shelves = {
        one.seat.member: one.query.parse(answers[one.seat.member, one.component][0])
        for one in asked
        if answers.get((one.seat.member, one.component))
    }
    silent = tuple(member.name for member in workload.members() if member.name not in shelves)
    return Kept(workload.service, backups.every, shelves, silent)


def take_plan(parts: Parts, service: str) -> tuple[Plan, Survey]:
    """One backup, now."""
    return _plan(parts, service, TAKE, f"take a backup of {service}", None)


def verify_plan(parts: Parts, service: str, wanted: str = LATEST) -> tuple[Plan, Survey]:
    """Loads one into a throw-away server beside its member and counts what came in."""
    return _plan(parts, service, VERIFY, "verify {}", wanted)


def restore_plan(
    parts: Parts, service: str, wanted: str, delete_data: frozenset[str]
) -> tuple[Plan, Survey]:
    """Replaces a service's data. Blocked unless the service's name is in `delete_data`; raises
    SpecError `backup/other-data` for any other name in it."""
    if other := sorted(delete_data - {service}):
        raise SpecError(
            "backup/other-data",
            f"--delete-data {' '.join(other)}: what is replaced is the data of {service} alone",
            hint=f"did you mean --delete-data {service}?",
        )
    plan, seen = _plan(parts, service, RESTORE, f"restore {service} from {{}}", wanted)
    if service in delete_data:
        return plan, seen
    words = f"a restore replaces the data of {service}: say --delete-data {service}"
    return replace(plan, blocked=(*plan.blocked, words)), seen


def _plan(
    parts: Parts, service: str, verb: str, title: str, wanted: str | None
) -> tuple[Plan, Survey]:
    seen = survey(parts)
    workload = workload_of(parts, seen, service)
    backups_of(workload)
    target = seen.present[service][0]
    arguments = {}
    if wanted is not None:
        look = kept_by(parts.targets[target], workload, seen.observation.unreachable)
        backup = chosen(look, wanted)
        arguments = {"backup": backup.name, "member": look.holder(backup)}
        title = title.format(backup.name)
    step = Step(
        id=f"{verb}/{service}",
        kind="operate",
        title=title,
        target=target,
        service=service,
        impact=Impact.DATA_LOSS if verb == RESTORE else Impact.NONE,
        # Who has the backup becomes primary, and refuses writes until it is in place.
        besides=Impact.FAILOVER if verb == RESTORE else Impact.NONE,
        verb=verb,
        arguments=arguments,
    )
    # Asked once now, so that a refusal comes before anything is locked; asked again when it runs.
    acts = acts_of(step, workload, seen.observation.standings_of(workload))
    step = replace(step, after="; ".join(dict.fromkeys(act.call.words for act in acts)))
    settles = settle_steps((service,), seen.present, (step,)) if verb == RESTORE else ()
    return verb_plan(parts, seen, title, (step, *settles)), seen


def chosen(kept: Kept, wanted: str) -> Backup:
    """The one that a name, `latest` or `before-TIME` stands for. What a restore put aside, and what
    was found damaged, is only meant by its name."""
    good = [one for one in kept.backups if one.kind != "before-restore" and not one.damage]
    if wanted == LATEST:
        fitting: Iterable[Backup] = good
    elif wanted.startswith(BEFORE):
        until = _time(wanted.removeprefix(BEFORE))
        fitting = [one for one in good if one.at <= until]
    else:
        fitting = [one for one in kept.backups if one.name == wanted.removesuffix(".rdb")]
    found = next(iter(fitting), None)
    if found is not None:
        return found
    away = f"; {' and '.join(kept.silent)} can't be asked" if kept.silent else ""
    raise OpsError(
        "backup/unknown",
        f"there is no backup {wanted} of {kept.service}{away}",
        where=kept.service,
        hint=f"opsctl backup list {kept.service}",
        exit=Exit.REFUSED,
    )


def _time(text: str) -> float:
    """Seconds since the epoch; UTC where no zone is named."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        hint = "before-2026-11-21T09:30, in UTC, or with a zone: before-2026-11-21T10:30+01:00"
        raise SpecError("cli/usage", f'"{text}" is no time', hint=hint) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
