"""Hosts or cluster as they are before anything is changed; and the lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from opsctl.cli.views.errors import UNSEEN, away_lines, error_data
from opsctl.cli.views.lines import DIM, GOOD, STRONG, count, line, table
from opsctl.cli.views.nodes import fact_words, node_data, problem_data, problem_lines
from opsctl.cli.views.unfinished import holder_data, holder_lines
from opsctl.cli.views.view import View
from opsctl.errors import Exit, OpsError
from opsctl.flow.watching import Status
from opsctl.planning.observation import Holder


@dataclass(frozen=True, slots=True)
class PreflightView(View):
    """`blocked` holds what an apply would refuse, in words."""

    status: Status
    blocked: Sequence[str] = ()

    @property
    def exit(self) -> Exit:
        """UNOBSERVED before REFUSED: what can't be seen may hold more."""
        if self.status.unreachable:
            return Exit.UNOBSERVED
        wrong = any(problem.severity == "error" for problem in self.status.problems)
        return Exit.REFUSED if wrong or self.blocked else Exit.DONE

    def lines(self) -> Iterable[Text]:
        rows = [((node.where, STRONG), node.system, fact_words(node)) for node in self.status.nodes]
        yield from table(("NODE", "SYSTEM", "") if rows else (), rows, indent=0)
        yield from away_lines(self.status.unreachable)
        yield from problem_lines(self.status.problems)
        for reason in self.blocked:
            yield line(("an apply would be refused: ", "bold red"), reason)
        if self.exit is Exit.DONE:
            nodes = count(len(self.status.nodes), "node")
            yield line((f"{nodes} ready.", GOOD), " next: opsctl plan")

    def data(self) -> object:
        return {
            "ready": self.exit is Exit.DONE,
            "nodes": [node_data(node) for node in self.status.nodes],
            "unreachable": [error_data(error) for error in self.status.unreachable],
            "problems": [problem_data(problem) for problem in self.status.problems],
            "blocked": list(self.blocked),
        }


@dataclass(frozen=True, slots=True)
class LockView(View):
    """Who holds an environment, or who did before it was released. `away`: who can't be asked."""

    environment: str
    holders: Sequence[Holder]
    now: float
    released: bool = False
    away: Sequence[OpsError] = ()

    def lines(self) -> Iterable[Text]:
        if not self.holders:
            words = ": nobody holds it" + (UNSEEN if self.away else "")
            yield line((self.environment, STRONG), words)
        for holder in self.holders:
            if self.released:
                yield line(("released ", GOOD), "what ", (holder.holder, STRONG), " held")
                yield line(("  its processes can't write any more; look at `opsctl status`", DIM))
            else:
                yield from holder_lines(holder, self.now)
        yield from away_lines(self.away)

    def data(self) -> object:
        return {
            "environment": self.environment,
            "released": self.released,
            "holders": [holder_data(holder) for holder in self.holders],
            "unreachable": [error_data(error) for error in self.away],
        }
