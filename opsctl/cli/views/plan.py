"""A plan for people: steps in their order, what each changes and costs, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from opsctl.cli.views.errors import error_data, error_lines
from opsctl.cli.views.lines import BAD, DIM, GOOD, STRONG, WARN, count, line
from opsctl.cli.views.plan_markdown import plan_markdown
from opsctl.cli.views.plan_words import (
    SIGNS,
    field_words,
    groups,
    kinds,
    shown_fields,
    summary,
    told_cost,
)
from opsctl.cli.views.view import View
from opsctl.errors import OpsError
from opsctl.planning.plan import Change, Plan, Step, Verb
from opsctl.planning.resource import Impact, ResourceId
from opsctl.planning.saved import plan_to_json

_STYLES: dict[Verb, str] = {
    "create": GOOD,
    "update": WARN,
    "remove": BAD,
    "start": "cyan",
    "reload": "cyan",
    "restart": "cyan",
    "run": "cyan",
}
_AFTER = {"operate": "by", "settle": "until"}
_MANY = 6  # things of a list that are shown unless `verbose`


@dataclass(frozen=True, slots=True)
class PlanView(View):
    """`away` holds the errors of places that could not be seen. `notes` are the services' promises,
    by service. `following` is the command to type next, "" for none."""

    plan: Plan
    away: Mapping[str, OpsError] = field(default_factory=dict)
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    verbose: bool = False
    following: str = ""

    def lines(self) -> Iterable[Text]:
        sections = [list(part) for part in (self._notes(), self._asides(), self._obstacles())]
        if not self.plan.steps and not any(sections):
            yield line((self.plan.environment, STRONG), (": nothing to change.", GOOD))
            return
        yield line((f"{self.plan.environment}: {self.plan.title}", STRONG))
        known: dict[tuple[str, ...], str] | None = None if self.verbose else {}
        for step in self.plan.steps:
            yield Text()
            yield from _step_lines(step, known)
        for section in filter(None, sections):
            yield Text()
            yield from section
        yield Text()
        yield line((f"{summary(self.plan)[:1].upper()}{summary(self.plan)[1:]}.", STRONG))
        if self.following:
            yield line(("next: ", "cyan"), self.following)

    def data(self) -> object:
        """The format of saved plans, so that `apply` reads it."""
        return plan_to_json(self.plan)

    def markdown(self) -> str:
        away = {where: error_data(error)["message"] for where, error in self.away.items()}
        return plan_markdown(self.plan, away, self.notes)

    def _notes(self) -> Iterator[Text]:
        for service, notes in self.notes.items():
            yield line((service, STRONG))
            for note in notes:
                yield line("  ", note)

    def _asides(self) -> Iterator[Text]:
        for service, words in self.plan.held.items():
            withheld = service in self.plan.withheld
            tail = ": an apply is refused (--during-maintenance)" if withheld else ""
            yield line(("held: ", f"bold {WARN}"), f"{words}{tail}")
        for words in self.plan.behind:
            yield line(("left behind: ", f"bold {WARN}"), words)
        yield from self._things(
            "left alone, not in the spec any more (goes with --prune, data with --delete-data)",
            self.plan.left,
        )
        yield from self._things(
            "not compared, for want of the secrets' root key", self.plan.uncompared
        )

    def _things(self, words: str, things: Sequence[ResourceId]) -> Iterator[Text]:
        if not things:
            return
        yield line((f"{count(len(things), 'thing')} {words}:", WARN))
        shown = things if self.verbose else things[:_MANY]
        for thing in shown:
            yield line("  ", str(thing))
        if len(things) > len(shown):
            yield line((f"  … and {len(things) - len(shown)} more (--verbose)", DIM))

    def _obstacles(self) -> Iterator[Text]:
        for where in self.plan.unreachable:
            if where in self.away:
                yield from error_lines(self.away[where])
            else:
                yield line((f"can't see {where}", BAD))
        if self.plan.blocked:
            yield line(("An apply would be refused:", f"bold {BAD}"))
        for reason in self.plan.blocked:
            yield line("  ", (reason, BAD))


def _step_lines(step: Step, known: dict[tuple[str, ...], str] | None) -> Iterator[Text]:
    """`known` holds the diffs that were shown already, by member; None: show each of them."""
    cost = told_cost(step)
    yield line((step.title, STRONG), (f"   costs {cost}" if cost else "", _cost_style(step)))
    if step.before:
        yield line((f"  first wait until {step.before}", DIM))
    for name, changes in groups(step, verbose=known is None):
        if name:
            verb = changes[0].verb
            yield line((f"  {SIGNS[verb]} ", _STYLES[verb]), f"{name}: {kinds(changes)}")
        else:
            yield from _change_lines(changes[0], known)
    if step.after:
        words = "that again" if step.after == step.before else step.after
        yield line((f"  {_AFTER.get(step.kind, 'then wait until')} {words}", DIM))


def _cost_style(step: Step) -> str:
    return BAD if step.impact >= Impact.FAILOVER else WARN


def _change_lines(change: Change, known: dict[tuple[str, ...], str] | None) -> Iterator[Text]:
    style = _STYLES[change.verb]
    reason = f" ({change.reason})" if change.reason else ""
    loss = f"   loses {change.loss}" if change.loss else ""
    yield line((f"  {SIGNS[change.verb]} ", style), str(change.id), (reason, DIM), (loss, BAD))
    for item in shown_fields(change):
        yield line("      ", field_words(item))
    if known is not None and change.diff in known and change.diff:
        yield line((f"      the same lines as above, of {known[change.diff]}", DIM))
        return
    for text in change.diff:
        yield line("      ", (text, _diff_style(text)))
    if known is not None:
        known.setdefault(change.diff, change.member or change.id.where)


def _diff_style(text: str) -> str:
    return {"+": GOOD, "-": BAD, "@": "cyan"}.get(text[:1], "")
