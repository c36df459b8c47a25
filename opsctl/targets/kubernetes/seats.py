"""Seats in a cluster: names only, for the scheduler decides where pods run."""

from __future__ import annotations

from typing import Final

from opsctl.errors import SpecError
from opsctl.targets.kubernetes.site import CONFIG, DATA, RUN
from opsctl.workload import Seat, SeatNeed

# A StatefulSet's name and the 11 characters of a revision make a label of its pods (63 at most).
_LONGEST: Final = 52


def seats(service: str, needs: tuple[SeatNeed, ...]) -> tuple[Seat, ...]:
    """A seat for every member; the same ordinals give the same seats for ever.

    The first group's members are named after the service alone, those of further groups after
    both, so that growing one group renames nobody in another.
    """
    if any(need.every for need in needs):
        raise SpecError(
            "kubernetes/every-node",
            "it serves the machines that it sits on, and a cluster's nodes see to themselves",
            where=f"service {service}",
            hint="run it on a target of hosts",
        )
    first = needs[0].group if needs else ""
    return tuple(
        _seat(service if need.group == first else f"{service}-{need.group}", need, ordinal)
        for need in needs
        for ordinal in range(need.count)
    )


def _seat(stem: str, need: SeatNeed, ordinal: int) -> Seat:
    member = f"{stem}-{ordinal}"
    if not stem[:1].isalpha():  # clusters before 1.34 refuse such a Service
        raise SpecError(
            "kubernetes/bad-name",
            "a name begins with a letter on Kubernetes",
            where=f"service {stem}",
            hint="give the service another name",
        )
    if len(member) > _LONGEST:
        raise SpecError(
            "kubernetes/long-name",
            f"a member's name has at most {_LONGEST} characters on Kubernetes",
            where=f"member {member}",
            hint="give the service a shorter name",
        )
    return Seat(
        member=member,
        group=need.group,
        node="",
        zone="",
        system="image",
        ports=dict(need.ports),
        config_dir=CONFIG,
        data_dir=DATA,
        run_dir=RUN,
    )
