"""The verbs: nobody is primary, and nobody knows the others."""

from __future__ import annotations

from opsctl.engines.chrony.clock import Clock
from opsctl.errors import Exit, OpsError
from opsctl.workload import Act, Operations, Standings


def operations(clock: Clock) -> Operations:
    """Members come and go by themselves."""

    def refuse(standings: Standings, to: str) -> tuple[Act, ...]:  # noqa: ARG001
        raise OpsError(
            "chrony/no-switchover",
            f"{clock.name} has no primary: each member keeps its own host's clock",
            where=clock.name,
            exit=Exit.REFUSED,
        )

    return Operations(
        switchover=refuse,
        failover=refuse,
        remove=lambda _standings, _member: (),
        forget=lambda _standings, _gone: (),
        prove=lambda _standings: (),  # that every clock is right was measured by then
    )
