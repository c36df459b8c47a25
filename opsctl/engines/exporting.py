"""What members that only give metrics have in common: one component each, and no primary."""

from __future__ import annotations

from opsctl.engines import web
from opsctl.workload import Group, Member, Signals, Workload


def exporting(
    service: str,
    engine: str,
    group: str,
    members: tuple[Member, ...],
    component: str,
    signals: Signals,
    notes: tuple[str, ...] = (),
) -> Workload:
    """The service of these members, in the order of their ordinals, each with this component."""
    seats = tuple(member.seat for member in members)
    return Workload(
        service=service,
        engine=engine,
        groups=(Group(group, members, quorum=0),),
        rolling=web.one_by_one(seats, component),
        operations=web.NoPrimary(service, engine).operations,
        formed=web.all_answer(seats, component),
        signals=signals,
        notes=notes,
    )
