"""The words of a plan: counts, costs, gates; shared by the view for people and the markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from opsctl.cli.views.lines import count, listed
from opsctl.planning.plan import Change, Field, Plan, Step, Verb
from opsctl.planning.resource import Impact

SIGNS: dict[Verb, str] = {
    "create": "+",
    "update": "~",
    "remove": "-",
    "start": "↻",
    "restart": "↻",
    "run": "↻",
}
_VERBS: dict[str, tuple[Verb, ...]] = {
    "create": ("create",),
    "change": ("update",),
    "start": ("start",),
    "restart": ("restart", "run"),
    "remove": ("remove",),
}
# Changes of one member that are shown one by one; more creations than this become one line.
FEW = 4


def impact_words(step: Step) -> str:
    """What a step costs its clients; "" for nothing."""
    if step.impact is Impact.NONE:
        return ""
    if step.impact is Impact.DATA_LOSS:
        losses = dict.fromkeys(change.loss for change in step.changes if change.loss)
        return f"the loss of {listed(list(losses)) or 'data'}"
    if step.impact is Impact.FAILOVER:
        return f"a {step.verb or 'switchover'} of {step.service}"
    return f"a {step.impact.words} of {listed(step.members) or step.service or step.where[0]}"


def summary(plan: Plan) -> str:
    """ "3 to create, 1 to change; costs: a restart of sessions-1"."""
    verbs = Counter(change.verb for change in plan.changes)
    numbers = {word: sum(verbs[verb] for verb in group) for word, group in _VERBS.items()}
    parts = [f"{number} to {word}" for word, number in numbers.items() if number]
    parts += [step.title for step in plan.steps if step.kind == "operate"]
    if not parts:
        return "nothing to change"
    return f"{', '.join(parts)}; costs: {costs(plan)}"


def costs(plan: Plan) -> str:
    """Every step's cost, each once, the worst ones last as they are met; or "nothing"."""
    words = dict.fromkeys(filter(None, (impact_words(step) for step in plan.steps)))
    return ", ".join(words) or "nothing"


def field_words(item: Field) -> str:
    """ "maxmemory: 256mb → 512mb"; what is not there is said in words."""
    before = "(none)" if item.before is None else _value(item.before)
    after = "(none)" if item.after is None else _value(item.after)
    return f"{item.name}: {before} → {after}"


def _value(text: str) -> str:
    """Fingerprints are cut: they are only there to be told apart."""
    plain = text.rpartition(":")[2]
    if len(plain) >= 32 and all(letter in "0123456789abcdef" for letter in plain):
        return f"{plain[:8]}…"
    return text or '""'


def groups(step: Step, verbose: bool) -> Iterator[tuple[str, tuple[Change, ...]]]:
    """The step's changes: single ones with "" before them, and long runs of creations by member.

    What is created stops nobody and there may be dozens of it, so it is counted unless `verbose`.
    """
    created: dict[str, list[Change]] = {}
    for change in step.changes:
        if change.verb == "create":
            created.setdefault(change.member or _place(change.id.where), []).append(change)
    for name, changes in created.items():
        if verbose or len(changes) <= FEW:
            yield from (("", (change,)) for change in changes)
        else:
            yield name, tuple(changes)
    yield from (("", (change,)) for change in step.changes if change.verb != "create")


def kinds(changes: Sequence[Change]) -> str:
    """ "8 files, 2 units, 1 directory"."""
    counted = Counter(change.id.kind for change in changes)
    return ", ".join(count(number, kind, _plural(kind)) for kind, number in counted.most_common())


def _plural(kind: str) -> str:
    if kind.endswith("y") and kind[-2:-1] not in "aeiou":
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith(("s", "x", "ch")) else f"{kind}s"


def _place(where: str) -> str:
    return where.partition("/")[2] or where
