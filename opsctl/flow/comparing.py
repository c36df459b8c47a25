"""Dashboards here and in a Grafana: which differ, and which somebody edited."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.model import Environment
from opsctl.monitoring.dashboards.build import Built
from opsctl.monitoring.dashboards.naming import TAG, environment_tag
from opsctl.monitoring.dashboards.provisioning import folder_of
from opsctl.ports.grafana import Grafana, Held

State = Literal["new", "changed", "same", "edited", "foreign", "gone"]
_MESSAGE = re.compile(r"^opsctl \S+: ([0-9a-f]{12})$")


@dataclass(frozen=True, slots=True)
class Compared:
    """One dashboard, here and there.

    new: not there yet. changed: opsctl has something newer. edited: somebody saved it by hand since
    (`by`, `at`, `version`). foreign: the uid or the title is taken by what is not ours. gone: ours,
    of something that the spec no longer has. `panels` that differ, by title.
    """

    uid: str
    title: str
    state: State
    by: str = ""
    at: str = ""
    version: int = 0
    panels: tuple[str, ...] = ()


def compare(
    grafana: Grafana, environment: Environment, here: Sequence[Built]
) -> tuple[Compared, ...]:
    """Every dashboard of the spec beside what Grafana has, and what is there of ours beyond it."""
    folder, _ = folder_of(environment)
    mine = environment_tag(environment.id)
    there = grafana.listed(tag=TAG)
    titles = {one.title: one.uid for one in grafana.listed(folder=folder)}
    wanted = {one.uid for one in here}
    found = [_compared(grafana, mine, one, titles.get(one.title)) for one in here]
    gone = [
        Compared(one.uid, one.title, "gone")
        for one in there
        if mine in one.tags and one.uid not in wanted
    ]
    return (*found, *gone)


def _compared(grafana: Grafana, mine: str, one: Built, namesake: str | None) -> Compared:
    held = grafana.held(one.uid)
    if held is None:
        taken = namesake is not None and namesake != one.uid
        return Compared(one.uid, one.title, "foreign" if taken else "new")
    if not {TAG, mine} <= held.tags:
        return _with(held, one, "foreign")
    said = _MESSAGE.match(held.message)
    if said is None:
        return _with(held, one, "edited")
    return _with(held, one, "same" if said.group(1) == one.digest else "changed")


def _with(held: Held, one: Built, state: State) -> Compared:
    panels = () if state in ("same", "foreign") else tuple(_differing(held.text, one.text))
    return Compared(one.uid, one.title, state, held.by, held.at, held.version, panels)


def _differing(there: str, here: str) -> Iterator[str]:
    """The titles of panels that are not the same in both, in order."""
    old, new = _panels(there), _panels(here)
    for title in dict.fromkeys((*new, *old)):
        if old.get(title) != new.get(title):
            yield title


def _panels(text: str) -> Mapping[str, object]:
    """By title, what makes a panel; where it stands counts, its number does not."""
    found: dict[str, object] = {}
    for panel in json.loads(text).get("panels") or ():
        for one in (panel, *(panel.get("panels") or ())):
            own = {key: value for key, value in one.items() if key not in ("id", "panels")}
            found[str(one.get("title", ""))] = own
    return found


def message(version: str, one: Built) -> str:
    """What stands beside a version that opsctl saved: by it a later push knows its own."""
    return f"opsctl {version}: {one.digest}"
