"""A drill that is decided, and the scene that it strikes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from opsctl.drills.faults import Fault
from opsctl.drills.strikes import Scene, primary_node
from opsctl.errors import Exit, OpsError
from opsctl.flow.striking import BOOT
from opsctl.model.services import Slo
from opsctl.ports import Target
from opsctl.workload import Lane, Standings, Workload

_OPERATION = 600.0  # seconds that an operation may take


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill, decided: which fault, through which route, for how long (s), seen from where.

    `client` is a node's name; "" for where the fault wants it, or else this machine. Clients of a
    service that is reached from inside alone run on a node that is not the primary's.
    """

    id: str
    environment: str
    fault: Fault
    lane: Lane
    pool: str
    target: str
    seconds: float
    client: str = ""
    by: str = ""
    slo: Slo | None = None
    can_lose_nothing: bool = True

    @property
    def outage(self) -> float:
        """Seconds that the fault lasts at most."""
        return {"kill-host": BOOT, "operation": _OPERATION}.get(self.fault.kind, self.seconds)

    def client_node(self, scene: Scene, inside: bool = False) -> str:
        """Where the client runs; "" is this machine. Raises drills/no-client-node."""
        if self.client:
            return self.client
        if self.fault.select == "client-side":
            return primary_node(scene)
        return self._inside(scene) if inside else ""

    def _inside(self, scene: Scene) -> str:
        """One that the fault leaves alone."""
        struck = primary_node(scene)
        nodes = sorted({seat.node for seat in (*scene.beside, *scene.seats)} - {"", struck})
        if self.fault.select == "all" or not nodes:
            raise OpsError(
                "drills/no-client-node",
                "clients are inside the cluster, and this fault leaves no node for one",
                hint="another fault: opsctl drill list",
                exit=Exit.REFUSED,
            )
        return nodes[0]


def scene_of(
    drill: Drill,
    target: Target,
    workload: Workload,
    pool: Workload,
    serving: Standings,
    leading: Standings,
) -> Scene:
    """The service as it stands: `serving` its members, `leading` the balancers'.

    Raises drills/no-node for a client on a host of nobody here.
    """
    scene = Scene(
        serving,
        target.located([one.seat for one in workload.members()]),
        target.located([one.seat for one in pool.members()]),
        _holders(leading, drill.lane.address),
        address=drill.lane.address,
    )
    nodes = sorted({seat.node for seat in (*scene.seats, *scene.beside)})
    if drill.client and drill.client not in nodes:
        raise OpsError(
            "drills/no-node",
            f"no member of {workload.service} or {drill.pool} sits on {drill.client}",
            hint=f"--from one of {', '.join(nodes)}",
            exit=Exit.INPUT,
        )
    return replace(scene, client=drill.client_node(scene, target.pods))


def _holders(standings: Standings, address: str) -> tuple[str, ...]:
    """Members that say they hold the address."""
    return tuple(
        member
        for (member, _), standing in sorted(standings.items())
        if address and address in standing.details.get("addresses", "").split()
    )
