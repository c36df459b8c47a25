"""The verbs: balancers have no primary role to hand over, and forget nobody."""

from __future__ import annotations

from opsctl.engines.haproxy.pool import Pool
from opsctl.errors import Exit, OpsError
from opsctl.workload import Act, Operations, Standings


def operations(pool: Pool) -> Operations:
    """Members come and go by themselves; nothing is said to the others beforehand."""

    def refuse(standings: Standings, to: str) -> tuple[Act, ...]:  # noqa: ARG001
        raise OpsError(
            "haproxy/no-switchover",
            f"{pool.name} has no primary: its floating addresses move by themselves",
            where=pool.name,
            hint=f"opsctl restart {pool.name}/MEMBER moves an address away from a member"
            if pool.vips
            else "",
            exit=Exit.REFUSED,
        )

    return Operations(
        switchover=refuse,
        failover=refuse,
        remove=lambda _standings, _member: (),
        forget=lambda _standings, _gone: (),
        prove=lambda _standings: (),
    )
