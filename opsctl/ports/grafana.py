"""A Grafana: what dashboards are pushed to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Source:
    """A data source. `password` goes in and never comes out; `mark` is what we noted beside it, to
    tell later whether it is still the same."""

    uid: str
    name: str
    url: str = ""
    user: str = ""
    mark: str = ""
    password: str = ""
    authority: str = ""  # the certificate that its server is known by, PEM


@dataclass(frozen=True, slots=True)
class Listed:
    """A dashboard as a search finds it."""

    uid: str
    title: str
    folder: str  # the folder's uid
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Held:
    """A dashboard as Grafana has it: its newest version, who saved that, when, and with which
    message."""

    uid: str
    title: str
    folder: str
    tags: frozenset[str]
    text: str  # its JSON
    version: int
    by: str
    at: str
    message: str


@dataclass(frozen=True, slots=True)
class Note:
    """An annotation: something that happened, from `at` to `end` (seconds since the epoch)."""

    at: float
    end: float
    text: str
    tags: frozenset[str]


class Grafana(Protocol):
    """Every method raises OpsError: grafana/away, grafana/wrong-token, grafana/no-permission with
    the right that is missing, grafana/refused with its words."""

    where: str

    def sources(self) -> tuple[Source, ...]:
        """The Prometheus data sources."""
        ...

    def save_source(self, source: Source, *, new: bool) -> None: ...

    def folder(self, uid: str) -> str | None:
        """The title of a folder; None where there is none."""
        ...

    def make_folder(self, uid: str, title: str) -> None: ...

    def listed(self, *, tag: str = "", folder: str = "") -> tuple[Listed, ...]:
        """The dashboards with a tag, or in a folder."""
        ...

    def held(self, uid: str) -> Held | None:
        """One dashboard with its last change; None where there is none."""
        ...

    def save(self, text: str, folder: str, message: str, over: int | None) -> None:
        """Saves a dashboard over that version, None for a new one. Raises OpsError
        grafana/conflict when somebody saved another version meanwhile."""
        ...

    def remove(self, uid: str) -> None: ...

    def notes(self, tags: frozenset[str], since: float) -> tuple[Note, ...]:
        """The annotations with all these tags."""
        ...

    def note(self, note: Note) -> None: ...
