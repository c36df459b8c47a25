"""The words of a plan: counts, costs, gates; shared by the view for people and the markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from opsctl.cli.views.errors import UNSEEN
from opsctl.cli.views.lines import count, listed
from opsctl.planning.plan import Change, Field, Plan, Step, Verb
from opsctl.planning.resource import Impact

SIGNS: dict[Verb, str] = {
    "create": "+",
    "update": "~",
    "remove": "-",
    "start": "↻",
    "reload": "↻",
    "restart": "↻",
    "run": "↻",
}
_VERBS: dict[str, tuple[Verb, ...]] = {
    "create": ("create",),
    "change": ("update",),
    "start": ("start",),
    "reload": ("reload",),
    "restart": ("restart", "run"),
    "remove": ("remove",),
}
# Changes of one member that are shown one by one; more creations than this become one line.
FEW = 4


def impact_words(step: Step) -> str:
    """What a step costs its clients; "" for nothing."""
    return " and ".join(filter(None, (_felt_words(step), _loss_words(step))))


def _felt_words(step: Step) -> str:
    if step.felt is Impact.NONE:
        return ""
    if step.kind == "drill":
        return f"a cut-off of {step.service}"
    if step.felt is Impact.FAILOVER and step.kind == "remove":
        return f"a stop of {step.service} on {step.target}"
    if step.felt is Impact.FAILOVER:
        return f"a {step.verb or 'switchover'} of {step.service}"
    return f"a {step.felt.words} of {listed(step.members) or step.service or step.where[0]}"


def _loss_words(step: Step) -> str:
    if step.impact is not Impact.DATA_LOSS:
        return ""
    losses = dict.fromkeys(change.loss for change in step.changes if change.loss)
    return f"the loss of {listed(list(losses)) or 'data'}"


def told_cost(step: Step) -> str:
    """What a step costs, where its title does not say just that."""
    cost = impact_words(step)
    return "" if step.title.startswith(cost.removeprefix("a ")) else cost


def summary(plan: Plan) -> str:
    """ "3 to create, 1 to change; costs: a restart of sessions-1". A verb is told by the title that
    stands above, so of it only the costs are said."""
    verbs = Counter(change.verb for change in plan.changes)
    numbers = {word: sum(verbs[verb] for verb in group) for word, group in _VERBS.items()}
    parts = [f"{number} to {word}" for word, number in numbers.items() if number]
    if parts:
        return f"{', '.join(parts)}; costs: {costs(plan)}"
    if plan.empty:
        return "nothing to change" + (UNSEEN if plan.unreachable else "")
    return f"costs: {costs(plan)}"


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
    return f"{plain[:8]}…" if _is_fingerprint(text) else text or '""'


def _is_fingerprint(text: str) -> bool:
    plain = text.rpartition(":")[2]
    return len(plain) >= 16 and all(letter in "0123456789abcdef" for letter in plain)


def shown_fields(change: Change) -> tuple[Field, ...]:
    """Without the fingerprints of what a diff shows better, and of what is new or goes."""
    if change.verb in ("create", "remove"):
        return ()
    return tuple(
        item
        for item in change.fields
        if not (change.diff and _is_fingerprint(item.before or "") and item.after)
    )


def groups(step: Step, verbose: bool) -> Iterator[tuple[str, tuple[Change, ...]]]:
    """The step's changes: single ones with "" before them, long runs of one kind by member.

    What is created stops nobody, and what goes without loss is gone with its member: there may be
    dozens of either, so they are counted unless `verbose`.
    """
    runs: dict[tuple[Verb, str], list[Change]] = {}
    for change in step.changes:
        if _plain(change):
            runs.setdefault((change.verb, change.member or _place(change.id.where)), []).append(
                change
            )
    for (_, name), changes in runs.items():
        if verbose or len(changes) <= FEW:
            yield from (("", (change,)) for change in changes)
        else:
            yield name, tuple(changes)
    yield from (("", (change,)) for change in step.changes if not _plain(change))


def _plain(change: Change) -> bool:
    return change.verb == "create" or (change.verb == "remove" and not change.loss)


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
