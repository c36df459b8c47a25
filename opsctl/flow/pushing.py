"""Dashboards into a Grafana: only our own, only what differs, nothing that somebody edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from opsctl.errors import Exit, OpsError
from opsctl.flow.comparing import Compared, compare, message
from opsctl.flow.dashboards import built, dashboards
from opsctl.flow.parts import Parts
from opsctl.flow.watching import history
from opsctl.model import Environment
from opsctl.monitoring.dashboards.build import Built
from opsctl.monitoring.dashboards.changes import changes, run_of
from opsctl.monitoring.dashboards.compose import Boards
from opsctl.monitoring.dashboards.naming import TAG, environment_tag
from opsctl.monitoring.dashboards.provisioning import folder_of, source_uid
from opsctl.ports import Record
from opsctl.ports.grafana import Grafana, Source


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did; `left` is what it did not touch.

    `unreachable`: who can't be asked what was done, so that some changes may be missing.
    """

    where: str
    folder: str
    written: tuple[Compared, ...]
    same: int
    left: tuple[Compared, ...]
    removed: tuple[Compared, ...]
    source: Literal["", "made", "changed"] = ""
    notes: int = 0
    unreachable: tuple[OpsError, ...] = ()

    @property
    def exit(self) -> Exit:
        """Refused where something stands in the way; partly, where the rest was written."""
        if not any(one.state in ("edited", "foreign") for one in self.left):
            return Exit.DONE
        return Exit.PARTLY if self.written or self.removed else Exit.REFUSED

    @property
    def changed(self) -> bool:
        return bool(self.written or self.removed or self.source or self.notes)


def choose_source(
    grafana: Grafana, environment: Environment, named: str, own: Source | None
) -> str:
    """The uid of the data source that panels ask: the one that is named, ours, or the only one.

    Raises OpsError grafana/no-source.
    """
    there = grafana.sources()
    mine = source_uid(environment)
    if named:
        found = next((one for one in there if named in (one.uid, one.name)), None)
        if found is None:
            raise _no_source(grafana, f'there is no Prometheus data source "{named}"', there)
        return found.uid
    if own is not None or any(one.uid == mine for one in there):
        return mine
    if len(there) == 1:
        return there[0].uid
    words = "there is no Prometheus data source" if not there else "there are several"
    raise _no_source(grafana, words, there)


def _no_source(grafana: Grafana, words: str, there: Sequence[Source]) -> OpsError:
    names = ", ".join(sorted(one.name for one in there)) or "none"
    return OpsError(
        "grafana/no-source",
        words,
        where=grafana.where,
        hint=f"name one below monitoring.grafana.datasource; there is {names}",
        exit=Exit.REFUSED,
    )


def push(
    grafana: Grafana,
    environment: Environment,
    here: Sequence[Built],
    *,
    version: str,
    overwrite: bool = False,
    prune: bool = False,
) -> Pushed:
    """Writes what differs. What somebody edited is left unless `overwrite`, what is not ours
    always; what is gone from the spec is left unless `prune`. Twice changes nothing."""
    compared = compare(grafana, environment, here)
    folder, title = folder_of(environment)
    states = {"new", "changed", *(("edited",) if overwrite else ())}
    write = [one for one in compared if one.state in states]
    if write and grafana.folder(folder) is None:
        grafana.make_folder(folder, title)
    texts = {one.uid: one for one in here}
    for one in write:
        made = texts[one.uid]
        grafana.save(made.text, folder, message(version, made), one.version or None)
    removed = [one for one in compared if one.state == "gone"] if prune else []
    for one in removed:
        grafana.remove(one.uid)
    done = {one.uid for one in (*write, *removed)}
    return Pushed(
        where=grafana.where,
        folder=title,
        written=tuple(write),
        same=sum(one.state == "same" for one in compared),
        left=tuple(one for one in compared if one.uid not in done and one.state != "same"),
        removed=tuple(removed),
    )


def push_source(grafana: Grafana, own: Source) -> Literal["", "made", "changed"]:
    """Sees to the data source that is ours; the password is never read back, so a mark tells."""
    there = next((one for one in grafana.sources() if one.uid == own.uid), None)
    if there is None:
        grafana.save_source(own, new=True)
        return "made"
    if (there.url, there.user, there.mark) == (own.url, own.user, own.mark):
        return ""
    grafana.save_source(own, new=False)
    return "changed"


def push_notes(grafana: Grafana, environment: Environment, records: Sequence[Record]) -> int:
    """Writes what was done, as the journal has it, beside the lines of the panels; how many."""
    notes = tuple(changes(environment, records))
    if not notes:
        return 0
    shared = frozenset({TAG, environment_tag(environment.id)})
    there = grafana.notes(shared, min(note.at for note in notes) - 1)
    known = {run_of(note) for note in there}
    missing = [note for note in notes if run_of(note) not in known]
    for note in missing:
        grafana.note(note)
    return len(missing)


@dataclass(frozen=True, slots=True)
class Pushing:
    """A push that is about to be done. `own`: the data source that opsctl makes, where it can."""

    grafana: Grafana
    parts: Parts
    units: Mapping[str, str]
    boards: Boards
    named: str = ""
    own: Source | None = None

    def compare(self) -> tuple[Compared, ...]:
        """What the push would do."""
        return compare(self.grafana, self.parts.environment, self._built())

    def push(self, version: str, *, overwrite: bool, prune: bool, recent: int) -> Pushed:
        """Does it; `recent` records of the journal become annotations."""
        environment = self.parts.environment
        made = push_source(self.grafana, self.own) if self.own and not self._names else ""
        done = push(
            self.grafana,
            environment,
            self._built(),
            version=version,
            overwrite=overwrite,
            prune=prune,
        )
        records, away = history(self.parts, recent) if recent else ((), ())
        notes = push_notes(self.grafana, environment, records)
        return replace(done, source=made, notes=notes, unreachable=away)

    @property
    def _names(self) -> str:
        """The data source that was named here or in the spec."""
        grafana = self.parts.environment.grafana
        return self.named or (grafana.datasource if grafana is not None else None) or ""

    def _built(self) -> tuple[Built, ...]:
        made = dashboards(self.parts, self.boards)
        source = choose_source(self.grafana, self.parts.environment, self._names, self.own)
        return built(self.parts, made, self.units, source)
