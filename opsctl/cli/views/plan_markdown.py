"""A plan as a comment of a pull request: the summary first, details folded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from opsctl.cli.views.plan_words import (
    SIGNS,
    field_words,
    groups,
    kinds,
    shown_fields,
    summary,
    told_cost,
)
from opsctl.planning.plan import Change, Plan, Step


def plan_markdown(plan: Plan, away: Mapping[str, str], notes: Mapping[str, Sequence[str]]) -> str:
    """The whole comment. `away`: what kept a place from being seen, in words."""
    return "\n".join(_parts(plan, away, notes))


def _parts(
    plan: Plan, away: Mapping[str, str], notes: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    yield f"### opsctl plan: {plan.environment}, {plan.title}\n"
    yield f"**{summary(plan)}**\n"
    for reason in plan.blocked:
        yield f"- :no_entry: refused: {reason}"
    for held in plan.held.values():
        yield f"- :lock: held: {held}"
    for where in plan.unreachable:
        yield f"- :warning: can't see {where}" + (f": {away[where]}" if where in away else "")
    for data in plan.behind:
        yield f"- :warning: {data}"
    if plan.left:
        yield f"- {len(plan.left)} things are left alone, though not in the spec any more"
    if plan.uncompared:
        yield f"- {len(plan.uncompared)} things could not be compared without the root key"
    yield ""
    for step in plan.steps:
        yield from _step(step)
    for service, words in notes.items():
        yield f"**{service}**\n"
        yield from (f"- {note}" for note in words)


def _step(step: Step) -> Iterator[str]:
    cost = told_cost(step)
    yield f"<details><summary>{step.title}{f' (costs {cost})' if cost else ''}</summary>\n"
    yield "```diff"
    for name, changes in groups(step, verbose=False):
        if name:
            yield f"{SIGNS[changes[0].verb]} {name}: {kinds(changes)}"
        else:
            yield from _change(changes[0])
    if step.after:
        yield f"# until {step.after}"
    yield "```\n</details>\n"


def _change(change: Change) -> Iterator[str]:
    # GitHub colours a diff by the first character; "!" is its sign for a change.
    sign = SIGNS[change.verb] if change.verb in ("create", "remove") else "!"
    yield f"{sign} {change.id}"
    yield from (f"#   {field_words(item)}" for item in shown_fields(change))
    yield from (text.replace("```", "` ` `") for text in change.diff)
