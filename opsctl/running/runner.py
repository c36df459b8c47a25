"""The one runner: takes what is ready, does it, writes it down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.errors import Exit, OpsError, as_ops
from opsctl.planning.plan import Step
from opsctl.ports import Event
from opsctl.running.context import Context, Service
from opsctl.running.gates import await_gate, perform_acts
from opsctl.running.journal import Journal
from opsctl.running.maintaining import END, HOLD, maintain
from opsctl.running.onward import onward
from opsctl.running.proving import prove
from opsctl.running.rolling import PlacesFailed, apply_work, prepare, roll, work_of
from opsctl.running.turns import next_turn
from opsctl.running.verbs import acts_of
from opsctl.workload import Standings


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended: step ids that are done, and the error that ended it, if any. `changed`:
    whether something is not as it was before, also by the step that failed."""

    run: str
    done: tuple[str, ...]
    open: tuple[str, ...]
    error: OpsError | None = None
    missed: tuple[str, ...] = ()  # what was gone on without, in words
    changed: bool = False

    @property
    def exit(self) -> Exit:
        """PARTLY as soon as something was changed and something failed."""
        if self.error is None:
            return Exit.PARTLY if self.missed else Exit.DONE
        if self.error.exit is Exit.INTERRUPTED or not (self.done or self.changed):
            return self.error.exit
        return Exit.PARTLY


def run(context: Context, journal: Journal) -> Report:
    """Runs the plan to its end, to its first failure, or to the next safe point after a stop."""
    pending = list(context.plan.steps)
    done: list[str] = []
    error: OpsError | None = None
    batch: tuple[Step, ...] = ()
    journal.begin(context.plan)
    try:
        while pending:
            context.stop.check()
            batch = _next(pending, done, context)
            broken = _perform(batch, context)
            made = tuple(step for step in batch if not (broken and broken.places & {*step.where}))
            batch = tuple(step for step in batch if step not in made)
            done += [step.id for step in made]
            pending = [step for step in pending if step not in made]
            journal.steps(made, "done")
            _tell(made, "done", context)
            if broken:
                raise broken
    except (OpsError, OSError) as failure:
        error = as_ops(failure, onward(context.plan))
        if error.exit is Exit.INTERRUPTED and not error.hint:
            error.hint = onward(context.plan)
        _tell(batch, "failed", context)
    try:
        journal.end("done" if error is None else str(error), context.outcome)
    except (OpsError, OSError) as lost:
        # Fenced or cut off: what was done is reported all the same, and seen as unfinished.
        error = error or as_ops(lost, onward(context.plan))
    rest = tuple(step.id for step in pending)
    missed, changed = tuple(context.missed), bool(context.changed)
    report = Report(journal.run, tuple(done), rest, error, missed, changed)
    if error is not None:
        error.exit = report.exit  # the error is shown without the report, too
    return report


def _next(pending: Sequence[Step], done: Sequence[str], context: Context) -> tuple[Step, ...]:
    """The next steps that may go: all free builds of one target together, the members whose turn it
    is, else a single step."""
    ready = [step for step in pending if set(step.needs) <= set(done)]
    first = ready[0]
    if first.kind == "converge":
        return tuple(
            step for step in ready if step.kind == "converge" and step.target == first.target
        )
    if first.kind == "roll":
        return next_turn([step for step in ready if step.kind == "roll"], done, context)
    return (first,)


def _perform(batch: Sequence[Step], context: Context) -> PlacesFailed | None:
    """Gives the places of a wave that failed: its other steps are done. Other steps raise."""
    _tell(batch, "begin", context)
    first = batch[0]
    if first.kind in _TURNS:
        _TURNS[first.kind](batch, context)
        return None
    if first.kind != "converge":
        {**_KINDS, **context.more}[first.kind](first, context)
        return None
    works = [work for step in batch for work in work_of(step, context)]
    try:
        apply_work(context, context.targets[first.target], works)
    except PlacesFailed as broken:
        return broken
    return None


def _settle(step: Step, context: Context) -> None:
    here = context.service(step.service)
    workload = here.workload
    context.told.add(workload.formed.words)  # by the step's title, with whom it goes without
    standings = await_gate(here, workload.formed)
    if workload.strays(standings) and not _loses_something(step, context):
        standings = _forgotten(here, standings)
    for stranger in workload.strangers(standings):
        context.say(str(stranger), step=step.id)
    prove(here, standings)


def _loses_something(settle: Step, context: Context) -> bool:
    """Whether a former place of a member is still to be cleared: who runs there is no stray yet."""
    later = context.plan.steps[context.plan.steps.index(settle) :]
    return any(
        (step.kind, step.service, step.target) == ("remove", settle.service, settle.target)
        for step in later
    )


def _forgotten(here: Service, standings: Standings) -> Standings:
    """The service, which is whole, without those that are no members."""
    perform_acts(here, here.workload.operations.forget(standings, ()))
    return await_gate(here, here.workload.formed)


def _operate(step: Step, context: Context) -> None:
    if step.verb in (HOLD, END):
        maintain(step, context)
        return
    here = context.service(step.service)
    perform_acts(here, acts_of(step, here.workload, here.standings()))


def _remove(step: Step, context: Context) -> None:
    """A member leaves its service first; a service that goes as a whole just stops."""
    if step.verb == "leave":
        here = context.service(step.service)
        operations = here.workload.operations
        perform_acts(here, operations.remove(here.standings(), step.members[0]))
    apply_work(context, context.targets[step.target], work_of(step, context))
    if step.verb == "leave":
        perform_acts(here, operations.forget(here.standings(), step.members))
        context.gone.update(step.members)
    elif step.members:
        _clear_up(step, context)


def _clear_up(step: Step, context: Context) -> None:
    """In a service that stays, what ran on a former place of a member is forgotten by others."""
    if not any(
        (one.kind, one.service, one.target) == ("settle", step.service, step.target)
        for one in context.plan.steps
    ):
        return
    here = context.service(step.service)
    if here.workload.strays(here.standings()):
        _forgotten(here, await_gate(here, here.workload.formed))


_TURNS: dict[str, Callable[[Sequence[Step], Context], None]] = {"prepare": prepare, "roll": roll}
_KINDS: dict[str, Callable[[Step, Context], None]] = {
    "settle": _settle,
    "operate": _operate,
    "remove": _remove,
}


def _tell(
    batch: Sequence[Step], kind: Literal["begin", "done", "failed"], context: Context
) -> None:
    for step in batch:
        context.events(Event(where=step.service, words=step.title, kind=kind, step=step.id))
