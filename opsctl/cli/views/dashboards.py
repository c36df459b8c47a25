"""Dashboards: which there are, how they differ from Grafana's, and which panels show nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from rich.text import Text

from opsctl.cli.views.errors import away_lines, error_data
from opsctl.cli.views.lines import BAD, DIM, GOOD, STRONG, WARN, Piece, count, line, listed, table
from opsctl.cli.views.view import View
from opsctl.flow.comparing import Compared
from opsctl.flow.dashboards import Blank, Checked
from opsctl.flow.pushing import Pushed
from opsctl.monitoring.dashboards.compose import Dashboard

_SIGNS: Mapping[str, tuple[str, str]] = {
    "new": ("+", GOOD),
    "changed": ("~", WARN),
    "edited": ("!", BAD),
    "foreign": ("!", BAD),
    "gone": ("-", BAD),
    "same": ("=", DIM),
}
_MOST = 6  # panels that are named; a whole new version differs in all


@dataclass(frozen=True, slots=True)
class DashboardsView(View):
    """What the spec asks for. `server`: the Grafana's address, "" without one."""

    dashboards: Sequence[Dashboard]
    server: str = ""

    def lines(self) -> Iterable[Text]:
        rows: list[Sequence[Piece]] = [
            ((one.title, STRONG), str(len(one.board.panels())), one.board.about, (one.uid, DIM))
            for one in self.dashboards
        ]
        yield from table(("DASHBOARD", "PANELS", "ANSWERS", "UID"), rows, indent=0)

    def data(self) -> object:
        return [
            {
                "uid": one.uid,
                "title": one.title,
                "kind": one.kind,
                "subject": one.subject,
                "about": one.board.about,
                "panels": [panel.title for panel in one.board.panels()],
                "variables": [variable.name for variable in one.variables],
                "url": f"{self.server}/d/{one.uid}" if self.server else None,
            }
            for one in self.dashboards
        ]


@dataclass(frozen=True, slots=True)
class ComparedView(View):
    """What a push would do."""

    where: str
    compared: Sequence[Compared]

    @property
    def different(self) -> Sequence[Compared]:
        return [one for one in self.compared if one.state != "same"]

    def lines(self) -> Iterable[Text]:
        for one in self.different:
            yield from _compared_lines(one)
        same = len(self.compared) - len(self.different)
        if not self.different:
            yield line((f"nothing differs: {count(same, 'dashboard')} at {self.where}", GOOD))
        elif same:
            yield line((f"{count(same, 'dashboard')} as here", DIM))

    def data(self) -> object:
        return {"where": self.where, "dashboards": [asdict(one) for one in self.compared]}


@dataclass(frozen=True, slots=True)
class PushedView(View):
    """What a push did."""

    pushed: Pushed

    def lines(self) -> Iterable[Text]:
        done = self.pushed
        if done.source:
            words = "data source made" if done.source == "made" else "data source changed"
            yield line(("+ ", GOOD), words)
        for one in (*done.written, *done.removed):
            yield from _compared_lines(one)
        if done.notes:
            yield line(
                ("+ ", GOOD), count(done.notes, "change of the journal", "changes of the journal")
            )
        for one in done.left:
            yield from _compared_lines(one, left=True)
        yield line(self._summary())
        for error in done.unreachable:
            yield line(("! ", WARN), f"changes that {error.where} alone knows of are not there")
        yield from away_lines(done.unreachable)

    def _summary(self) -> Piece:
        done = self.pushed
        if not done.changed:
            words = f"nothing to do: {count(done.same, 'dashboard')} at {done.where} as here"
            return (words, GOOD if not done.left else DIM)
        return f"{len(done.written)} written, {len(done.removed)} removed, {done.same} as before"

    def data(self) -> object:
        return {
            **asdict(replace(self.pushed, unreachable=())),
            "unreachable": [error_data(error) for error in self.pushed.unreachable],
            "changed": self.pushed.changed,
        }


def _compared_lines(one: Compared, *, left: bool = False) -> Iterator[Text]:
    sign, style = _SIGNS[one.state]
    yield line(
        (f"{sign} ", style), (one.title, STRONG), f"  {_words(one)}", (_advice(one, left), DIM)
    )
    if one.panels and one.state != "new":
        shown = list(one.panels[:_MOST])
        more = len(one.panels) - len(shown)
        names = listed([*shown, f"{more} more"] if more else shown)
        yield line((f"    differs: {names}", DIM))


def _words(one: Compared) -> str:
    by = f" by {one.by}" if one.by else ""
    return {
        "new": "is not there yet",
        "changed": f"is older there (version {one.version})",
        "edited": f"was edited{by}, version {one.version} of {one.at}",
        "foreign": "is there, but not ours: it has not our tags, or our title",
        "gone": "is there, but the spec has nothing for it",
        "same": "is the same",
    }[one.state]


def _advice(one: Compared, left: bool) -> str:
    if not left:
        return ""
    return {
        "edited": "; left: `--overwrite` takes it over (Grafana keeps the version)",
        "foreign": "; left: rename or remove it there",
        "gone": "; left: `--prune` removes it",
    }.get(one.state, "")


@dataclass(frozen=True, slots=True)
class CheckedView(View):
    """Whether every panel shows something."""

    checked: Checked

    def lines(self) -> Iterable[Text]:
        done = self.checked
        for one in done.blank:
            yield from _blank_lines(one)
        bad = len({(one.dashboard, one.panel) for one in done.blank})
        excused = f", {done.excused} empty with a reason" if done.excused else ""
        words = (
            f"{count(done.dashboards, 'dashboard')}, {count(done.panels, 'panel')}, "
            f"{count(done.asked, 'query', 'queries')} asked{excused}: "
        )
        verdict = (f"{bad} show nothing", BAD) if bad else ("0 panels empty", GOOD)
        yield line(words, verdict)

    def data(self) -> object:
        return {**asdict(self.checked), "empty": len(self.checked.blank)}


def _blank_lines(one: Blank) -> Iterator[Text]:
    why = {
        "empty": "no data",
        "refused": f"refused: {one.words}",
        "no-choice": f"nothing to choose for {one.words}",
    }[one.why]
    chosen = ", ".join(
        f"{key} {value}" for key, value in one.choice.items() if key != "environment"
    )
    title = " / ".join(part for part in (one.dashboard, one.panel) if part)
    yield line(("! ", BAD), (title, STRONG), f"  {why}", (f"  ({chosen})" if chosen else "", DIM))
    yield line((f"    {one.expr}", DIM))
