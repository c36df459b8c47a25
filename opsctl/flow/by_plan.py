"""Operations that a drill measures: the same acts and steps as the verbs', in the drill's run."""

from __future__ import annotations

from collections.abc import Callable

from opsctl.errors import Exit, OpsError
from opsctl.flow.operating import restarts
from opsctl.planning.observation import Observation
from opsctl.planning.steps import roll_steps
from opsctl.running.context import Service
from opsctl.running.gates import await_gate, perform_acts
from opsctl.running.rolling import roll
from opsctl.running.turns import next_member
from opsctl.workload import Workload

SWITCHOVER, ROLLING_RESTART = "switchover", "rolling-restart"


def check_operation(name: str, workload: Workload) -> None:
    """Raises drills/unknown-operation for what this service has not."""
    if name in ("", SWITCHOVER, ROLLING_RESTART, *workload.stress):
        return
    raise OpsError(
        "drills/unknown-operation",
        f"{workload.service} has no {name} ({workload.engine})",
        exit=Exit.REFUSED,
    )


def operation(name: str, here: Service) -> Callable[[], None]:
    """What does it, to its end. Deciding comes before: calling it begins with the first act."""
    workload = here.workload
    check_operation(name, workload)
    if name == ROLLING_RESTART:
        return lambda: _restart_all(here)
    standings = here.standings()
    if name == SWITCHOVER:
        acts = workload.operations.switchover(standings, "")
    else:
        acts = workload.stress[name](standings)

    def perform() -> None:
        perform_acts(here, acts)
        await_gate(here, workload.formed)

    return perform


def hand_over(here: Service, member: str) -> None:
    """Makes `member` primary, and waits until the service is whole again."""
    words = f"the primary role goes to {member} first, which sits with the clients' address"
    here.context.say(words)
    perform_acts(here, here.workload.operations.switchover(here.standings(), member))
    await_gate(here, here.workload.formed)


def _restart_all(here: Service) -> None:
    context, workload = here.context, here.workload
    changes = restarts(tuple(context.resources.values()), workload.service)
    workloads = {workload.service: (here.target.name, workload)}
    steps = list(roll_steps(changes, workloads, Observation(), ()))
    while steps:
        context.stop.check()
        step = next_member(steps, context)
        roll((step,), context)
        steps.remove(step)
    await_gate(here, workload.formed)
