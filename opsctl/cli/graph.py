"""`opsctl graph`: the topology as text, Mermaid or SVG."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.pictures import mermaid, svg, tree
from opsctl.cli.session import Session
from opsctl.cli.topology import Topology, topology
from opsctl.errors import Exit
from opsctl.flow.survey import described, survey

app = new_app()
_DRAW = {"text": tree, "mermaid": mermaid, "svg": svg}


@command(app, "spec", "limit")
def graph(
    session: Session,
    as_: Annotated[
        Literal["text", "mermaid", "svg"], typer.Option("--as", help="What is printed.")
    ] = "text",
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no host: places only, no roles.")
    ] = False,
) -> Exit:
    """Draw the topology: who sits where, who follows whom."""
    drawn, away = _look(session, offline)
    session.screen.text(_DRAW[as_](drawn))
    for where in away:
        session.screen.warn(f"can't see {where}")
    return Exit.UNOBSERVED if away else Exit.DONE


def _look(session: Session, offline: bool) -> tuple[Topology, tuple[str, ...]]:
    parts = session.parts()
    limit = {name.partition("/")[0] for name in session.options.limit}
    if offline:
        workloads, _ = described(parts, ask=False)
        return topology(parts.environment.name, workloads, {}, parts.targets, limit), ()
    seen = survey(parts)
    standings = seen.observation.standings
    drawn = topology(parts.environment.name, seen.present, standings, parts.targets, limit)
    return drawn, tuple(sorted(seen.observation.unreachable))
