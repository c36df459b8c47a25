"""Changes running members: with way made for those that restart, and a gate after each turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsctl.errors import OpsError, OpsErrors
from opsctl.planning.difference import object_difference
from opsctl.planning.plan import Change, Step
from opsctl.planning.resource import Impact, Resource
from opsctl.ports import Target, Work
from opsctl.running.asking import perform, read_object
from opsctl.running.context import Context, Service
from opsctl.running.gates import await_gate, perform_acts
from opsctl.running.traffic import led_away
from opsctl.workload import Object


def roll(turn: Sequence[Step], context: Context) -> None:
    """Changes one running member, or several of a service at once where nobody notices. Raises
    OpsError; the members after them are untouched then."""
    restarting = [
        change for step in turn for change in step.changes if change.impact >= Impact.RESTART
    ]
    if not restarting:
        _take_in(turn, context)
        return
    (step,) = turn
    (member,) = step.members
    with led_away(context, step.service, member):
        _restart(step, restarting, context)


def _take_in(steps: Sequence[Step], context: Context) -> None:
    """Servers judge their settings before these are written to files; then they must be well."""
    prepare(steps, context)
    here = context.service(steps[0].service)
    await_gate(here, here.workload.rolling.after)


def _restart(step: Step, restarting: Sequence[Change], context: Context) -> None:
    here = context.service(step.service)
    _make_way(step, restarting, here)
    apply_work(context, here.target, work_of(step, context))
    _write_objects(step, here)
    await_gate(here, here.workload.rolling.after)


def prepare(steps: Sequence[Step], context: Context) -> None:
    """Lets members of one service take in what they need no restart for: quickly one after the
    other and without a gate, because a service half of which knows may not be whole."""
    here = context.service(steps[0].service)
    for step in steps:
        _write_objects(step, here)
    apply_work(context, here.target, [work for step in steps for work in work_of(step, context)])


def _make_way(step: Step, restarting: Sequence[Change], here: Service) -> None:
    (member,) = step.members
    rolling, standings = here.workload.rolling, here.standings()
    mine = [standing for (name, _), standing in standings.items() if name == member]
    well = bool(mine) and all(standing.ready for standing in mine)
    if well and not rolling.mends(standings, member):
        # A member that is down already takes nobody with it.
        standings = await_gate(here, rolling.before)
    for change in restarting:
        standing = standings.get((member, change.component))
        if standing is not None and standing.role == "primary":
            perform_acts(here, rolling.handover(standings, member))
            return


def work_of(step: Step, context: Context) -> tuple[Work, ...]:
    """What the step's changes ask of each place."""
    works = []
    for where in step.where:
        mine = [change for change in step.changes if change.id.where == where]
        known = [change for change in mine if change.id in context.resources]
        write = [context.resources[change.id] for change in known if change.verb != "run"]
        works.append(
            Work(
                where=where,
                write=(*_shared(write, context), *write),
                restart=tuple(
                    context.resources[change.id] for change in known if change.verb == "run"
                ),
                remove=tuple(change.id for change in mine if change.verb == "remove"),
                step=step.id,
            )
        )
    return tuple(work for work in works if work.write or work.restart or work.remove)


def _shared(write: Sequence[Resource], context: Context) -> tuple[Resource, ...]:
    """What the place has for all its members and these need, such as packages: as desired already,
    but the place must know that this environment needs it too, or another one takes it away."""
    written = {resource.id for resource in write}
    needed = dict.fromkeys(
        need for resource in write for need in resource.needs if need not in written
    )
    there = (context.resources[need] for need in needed if need in context.resources)
    return tuple(resource for resource in there if not resource.member)


class PlacesFailed(OpsErrors):
    """Why `places` failed, one error for each; the others did all that was asked."""

    def __init__(self, failed: Mapping[str, OpsError]) -> None:
        super().__init__(tuple(failed.values()))
        self.places = frozenset(failed)


def apply_work(context: Context, target: Target, work: Sequence[Work]) -> None:
    """Does it everywhere. Raises PlacesFailed, after all places have ended."""
    if not work:
        return
    outcomes = target.apply(work, context.fences[target.name], context.events)
    failed = {where: one.error for where, one in sorted(outcomes.items()) if one.error is not None}
    context.changed.update(
        where for where, one in outcomes.items() if one.changed or where not in failed
    )
    if failed:
        raise PlacesFailed(failed)


def _write_objects(step: Step, here: Service) -> None:
    names = {(change.id.kind, change.id.name) for change in step.changes}
    mine = [
        wanted
        for wanted in here.context.objects.get(step.service, ())
        if (wanted.kind, f"{wanted.member}/{wanted.name}") in names
    ]
    for wanted in mine:
        _write_object(wanted, here)


def _write_object(wanted: Object, here: Service) -> None:
    """Reads it once more and writes only what still differs."""
    context, target, workload = here.context, here.target, here.workload
    found = read_object(target, workload, wanted) or {}
    change = object_difference(wanted, found, "", workload.service)
    if change is None:
        return
    differing = {item.name: wanted.desired[item.name] for item in change.fields}
    context.say(f"set {', '.join(sorted(differing))}", where=wanted.member)
    perform(target, workload, wanted.write(differing), here.fence)
    context.changed.add(wanted.member)
