"""Earlier revisions of the spec, as the targets keep them: going on, going back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.flow.looking import make_plan
from opsctl.flow.parts import Parts
from opsctl.flow.survey import Survey, survey
from opsctl.flow.watching import history
from opsctl.planning.desired import Scope
from opsctl.planning.observation import Observation
from opsctl.planning.plan import Plan
from opsctl.ports import Record

HISTORY = 500  # records of the journal in which a good revision is looked for


def resume_plan(parts: Parts, scope: Scope) -> tuple[Plan, Survey, Parts]:
    """The plan that ends an unfinished apply, with the spec that it was begun with.

    Raises OpsError `apply/nothing-unfinished`, or `apply/unreachable` where that can't be known.
    """
    seen = survey(parts)
    unfinished = seen.observation.unfinished
    if unfinished is None:
        _all_seen(seen, "no unfinished apply was found")
        raise OpsError(
            "apply/nothing-unfinished",
            "no apply is unfinished here",
            hint="`opsctl plan` shows what there is to do",
            exit=Exit.REFUSED,
        )
    then = _at(parts, seen, unfinished.revision)
    plan, seen = make_plan(then, scope, f"resume {unfinished.run}")
    return plan, seen, then


def rollback_plan(parts: Parts, revision: int | None) -> tuple[Plan, Survey, Parts]:
    """The plan back to `revision`, or to the newest that was applied to its end.

    Raises OpsError `rollback/no-revision` with those that there are, or `apply/unreachable`.
    """
    seen = survey(parts)
    wanted = revision if revision is not None else _previous(parts, seen.observation)
    then = _at(parts, seen, wanted)
    plan, seen = make_plan(then, Scope(), f"rollback to revision {wanted}")
    return plan, seen, then


def _at(parts: Parts, seen: Survey, revision: int) -> Parts:
    documents = seen.observation.documents
    document = _document(parts, documents, revision)
    if document is None:
        earlier = f"no revision {revision}" if revision > 0 else "no earlier revision"
        _all_seen(seen, f"{earlier} was found")
        raise OpsError(
            "rollback/no-revision",
            f"the targets keep {earlier}",
            hint=f"they keep {_list(documents)}; see `opsctl history`",
            exit=Exit.REFUSED,
        )
    _check_one(parts, revision, document)
    return parts.with_document(document)


def _all_seen(seen: Survey, found: str) -> None:
    """Raises OpsError where what was not found may be with somebody who can't be asked."""
    if away := sorted(seen.observation.unreachable):
        raise OpsError(
            "apply/unreachable",
            f"{found}, and {', '.join(away)} can't be asked",
            hint="bring it back; `opsctl preflight` shows why it can't be seen",
            exit=Exit.UNOBSERVED,
        )


def _check_one(parts: Parts, revision: int, document: Mapping[str, Any]) -> None:
    """Raises `rollback/two-specs`. Who lists other targets than another caller may take a number
    that the other one took, where neither sees what the other saw."""
    several = parts.targets if len(parts.targets) > 1 else {}
    kept: dict[str, Mapping[str, Any] | None] = {}
    for name, target in several.items():
        with suppress(OpsError):  # one that is away says nothing
            kept[name] = target.document(revision)
    if any(found not in (None, document) for found in kept.values()):
        raise OpsError(
            "rollback/two-specs",
            f"the targets keep different specs as revision {revision}",
            details=tuple(name for name, found in kept.items() if found is not None),
            hint="name another revision, or apply the spec that you want from version control",
            exit=Exit.REFUSED,
        )


def _document(
    parts: Parts, newest: Mapping[int, Mapping[str, Any]], revision: int
) -> Mapping[str, Any] | None:
    """A revision's spec. A look brings only the newest; the targets are asked for an older one."""
    if revision in newest:
        return newest[revision]
    kept = (target.document(revision) for target in parts.targets.values())
    return next((document for document in kept if document is not None), None)


def _previous(parts: Parts, observation: Observation) -> int:
    """The newest revision that was applied to its end and differs from the one last begun."""
    newest, documents = observation.revision, observation.documents
    current = _document(parts, documents, newest) or parts.environment.document
    records, away = history(parts, HISTORY * len(parts.targets))
    if away:  # what was applied last may stand there alone
        raise away[0]
    for number in sorted(_applied(records), reverse=True):
        document = _document(parts, documents, number)
        if document is not None and document != current:
            return number
    earlier = {*documents, *(record.revision for record in records)}
    return max((number for number in earlier if number < newest), default=newest - 1)


def _applied(records: Sequence[Record]) -> set[int]:
    """Revisions that runs brought about to their end, and not in part."""
    others = {record.run for record in records if record.reach in ("part", "none")}
    return {
        record.revision
        for record in records
        if record.kind == "end" and record.ended == "done" and record.run not in others
    }


def _list(documents: Mapping[int, Mapping[str, Any]]) -> str:
    older = " and some of the older ones" if min(documents, default=1) > 1 else ""
    return (", ".join(str(number) for number in sorted(documents)) or "none") + older
