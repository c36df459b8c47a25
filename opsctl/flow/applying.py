"""Apply: what changes targets, always as a Plan run by the runner."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

from opsctl.errors import Exit, OpsError
from opsctl.flow.consent import Consent, agree, nobody_since, not_held_since, others_since
from opsctl.flow.generations import newest
from opsctl.flow.looking import make_plan, scope_from
from opsctl.flow.parts import Parts, Versions
from opsctl.flow.reach import placed_now, within_reach
from opsctl.flow.survey import Survey, survey
from opsctl.planning.digest import stale
from opsctl.planning.observation import Node
from opsctl.planning.plan import Plan
from opsctl.planning.workloads import target_of
from opsctl.ports import Events, Fence
from opsctl.running.context import NOTHING_MORE, Context, Performer, Stop
from opsctl.running.journal import Journal, run_id
from opsctl.running.lease import leased
from opsctl.running.runner import Report, run

RECENT = 50  # records of the journal, among which the newest revision stands


def _nothing() -> None:
    pass


def apply_plan(
    parts: Parts,
    plan: Plan,
    seen: Survey,
    consent: Consent,
    events: Events,
    stop: Stop,
    first: Callable[[], None] = _nothing,
) -> Report:
    """Runs a plan that was just made. Raises OpsError when consent or the lock is missing.

    `first` is called before its first step, once nothing refuses the plan any more.
    """
    agree(plan, consent)
    if plan.empty:
        if not _closes(plan, seen):
            first()
            return Report("", (), ())
        return run_plan(parts, replace(plan, steps=()), seen, events, stop, first=first)
    report = run_plan(parts, plan, seen, events, stop, first=first)
    if report.error is None and any(plan.changes) and _unlocked(seen, parts.versions):
        return _with_versions_kept(parts, report)
    return report


def _with_versions_kept(parts: Parts, report: Report) -> Report:
    """Writes what was resolved to opsctl.lock, so that a newer package never restarts a server
    unasked. A file that can't be written takes nothing back of what was done."""
    try:
        nodes = survey(parts).observation.nodes.values()
        for key, versions in resolved(nodes, parts.versions).items():
            parts.keep_versions(key, versions)
    except OpsError as error:
        where = f"{error.where} " if error.where else ""
        return replace(report, missed=(*report.missed, f"{where}{error.message}"))
    return report


def _unlocked(seen: Survey, locked: Versions) -> bool:
    """Whether a package is wanted of which no version is locked: a look is dear where none is."""
    return any(
        name not in locked.get(_system(node), {})
        for node in seen.observation.nodes.values()
        for name in node.packages
    )


def run_plan(
    parts: Parts,
    plan: Plan,
    seen: Survey,
    events: Events,
    stop: Stop,
    more: Mapping[str, Performer] = NOTHING_MORE,
    first: Callable[[], None] = _nothing,
) -> Report:
    """Runs what was agreed to, under the lock; `more` performs further kinds of steps, `first` is
    called before all of them."""
    holder = parts.holder(plan.title)
    targets = {name: parts.targets[name] for name in _targets(parts, plan, seen)}
    with leased(targets, holder, stop, parts.lock_ttl) as fences:
        not_held_since(plan, tuple(targets.values()))
        if plan.reach != "none":  # a verb decides when it runs, by what it finds then
            nobody_since(seen.observation.turns, fences)
        context = Context(
            plan=plan,
            workloads=within_reach(parts, seen, plan),
            resources={resource.id: resource for resource in seen.desired.resources},
            targets=parts.targets,
            fences=fences,
            objects={
                service: workload.objects
                for service, (_, workload) in seen.desired.workloads.items()
            },
            events=events,
            stop=stop,
            monotonic=time.monotonic,
            more=more,
            placed=partial(placed_now, parts, seen),
            silence=parts.silence,
            watched_from=parts.environment.watched_from,
        )
        revision = _revision(parts, seen, plan, fences)
        used = newest(parts.generations, seen.observation.generations)
        journal = Journal(
            run_id(), parts.who, targets, fences, revision, parts.copy_record, used, context.say,
            seen.observation.noted,
        )  # fmt: skip
        first()
        return run(context, journal)


def _closes(plan: Plan, seen: Survey) -> bool:
    """Whether an unfinished run is over because nothing is left to do: everybody is told then, by
    a run without steps, which says of which spec that is so.

    Not by a plan that looks at a part, nor with things left alone that the run was to remove.
    """
    unfinished = seen.observation.unfinished
    if unfinished is None or plan.reach != "all" or plan.unreachable:
        return False
    return not (plan.left and any(step.startswith("remove/") for step in unfinished.open))


def resolved(nodes: Iterable[Node], locked: Versions) -> Versions:
    """The versions that are installed and are not `locked` yet.

    A version that is locked stays, whatever a node has: only an upgrade raises it, and an apply of
    a part leaves older ones elsewhere. None where nodes differ: any of theirs would have the next
    apply change servers unasked; an upgrade makes them agree.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for node in nodes:
        key = _system(node)
        for name, version in node.packages.items():
            if version and name not in locked.get(key, {}):
                found.setdefault(key, {}).setdefault(name, set()).add(version)
    agreed = {
        key: {name: next(iter(several)) for name, several in names.items() if len(several) == 1}
        for key, names in sorted(found.items())
    }
    return {key: versions for key, versions in agreed.items() if versions}


def _system(node: Node) -> str:
    return f"{target_of(node.where)}/{node.system}"


def apply_saved(parts: Parts, saved: Plan, consent: Consent, events: Events, stop: Stop) -> Report:
    """Runs a saved plan. Raises OpsError `plan/stale` when it would no longer do what it says,
    `plan/other-environment` when the spec in use is not of its environment."""
    _check_of(parts.environment.id, saved)
    then = parts.with_document(saved.document)
    fresh, seen = make_plan(then, scope_from(saved.options), saved.title)
    differs = stale(saved, fresh)
    if differs:
        raise OpsError(
            "plan/stale",
            "things have changed since this plan was made",
            details=tuple(f"step {step} would do something else now" for step in differs),
            hint="make a new plan and read it",
            exit=Exit.REFUSED,
        )
    return apply_plan(then, fresh, seen, replace(consent, reviewed=True), events, stop)


def _check_of(environment_id: str, saved: Plan) -> None:
    """Files that a plan's spec names, secrets and package versions are those of the spec in use."""
    meant = saved.document.get("id", saved.environment)
    if meant != environment_id:
        raise OpsError(
            "plan/other-environment",
            f"this plan is for {meant}, and the spec is of {environment_id}",
            hint="name the spec that it was made with: -f FILE",
            exit=Exit.REFUSED,
        )


def _targets(parts: Parts, plan: Plan, seen: Survey) -> tuple[str, ...]:
    """Those that it changes; all, where each may know of something unfinished that this ends."""
    if plan.reach == "all" and seen.observation.unfinished is not None and not plan.unreachable:
        return tuple(parts.targets)
    return tuple(dict.fromkeys(step.target for step in plan.steps))


def _revision(parts: Parts, seen: Survey, plan: Plan, fences: Mapping[str, Fence]) -> int:
    """The spec's number: the newest one's when nothing in it changes. Asked for under the lock."""
    newest = seen.observation.revision
    if others_since(seen.observation.turns, fences):
        records = (one for name in fences for one in parts.targets[name].history(RECENT))
        newest = max([newest, *(record.revision for record in records)])
    known = seen.observation.documents.get(newest)
    if plan.reach == "none" or known == plan.document:
        return newest
    return next_revision(newest, parts.targets, fences)


def next_revision(newest: int, targets: Collection[str], locked: Collection[str]) -> int:
    """The number that a run takes which holds the locks of some targets.

    Of all: the next one, for nobody else is at work. Else each target has every so-many-th for its
    own, as databases with several writers number their rows: runs at different targets at once
    never share one, nor do those that can't see another target. Those at one target see each
    other's, as they take turns.
    """
    if {*locked} == {*targets}:
        return newest + 1
    turn = sorted(targets).index(min(locked))
    return newest + 1 + (turn - newest) % len(targets)
