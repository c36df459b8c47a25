"""Routes as `opsctl status` shows them: where clients come in, and to whom they get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from opsctl.cli.views.lines import BAD, DIM, GOOD, STRONG, Piece, line, table
from opsctl.flow.watching import RouteStatus

_COLUMNS = ("ROUTE", "ADDRESS", "TO", "THROUGH", "CLIENTS GET", "NOT")


def route_lines(routes: Sequence[RouteStatus]) -> Iterator[Text]:
    """A table, then what is wrong with each, in words."""
    yield line(("routes", STRONG))
    yield from table(_COLUMNS, [_row(route) for route in routes])
    for route in routes:
        if route.lead.trouble:
            yield line("  ", (f"{route.lead.lane.name}: {route.lead.trouble}", f"bold {BAD}"))


def _row(route: RouteStatus) -> list[Piece]:
    lead = route.lead
    away = "; ".join(f"{member} {why}" for member, why in lead.away.items())
    return [
        lead.lane.name,
        ", ".join(route.doors),
        f"{lead.lane.entry.role} of {lead.lane.service}",
        ", ".join(lead.balancers) or ("nobody", BAD),
        (", ".join(lead.serving), GOOD) if lead.serving else ("nobody", BAD),
        (away, DIM),
    ]


def route_data(route: RouteStatus) -> object:
    """`through`: the balancers that clients come in at; `away`: members without clients, why."""
    lead = route.lead
    return {
        "name": lead.lane.name,
        "service": lead.lane.service,
        "role": lead.lane.entry.role,
        "pool": route.pool,
        "doors": list(route.doors),
        "floating": lead.lane.address,
        "through": list(lead.balancers),
        "serving": list(lead.serving),
        "away": dict(lead.away),
        "full": lead.full,
        "healthy": not lead.trouble,
        "trouble": lead.trouble,
    }
