"""Operations that a drill measures: the same acts and steps as the verbs', in the drill's run."""

from __future__ import annotations

from collections.abc import Callable

from opsctl.errors import Exit, OpsError
from opsctl.flow.operating import restarts
from opsctl.planning.observation import Observation
from opsctl.planning.steps import roll_steps
from opsctl.ports import Target
from opsctl.running.asking import standings_of
from opsctl.running.context import Context
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


def operation(
    name: str, context: Context, target: Target, workload: Workload
) -> Callable[[], None]:
    """What does it, to its end. Deciding comes before: calling it begins with the first act."""
    check_operation(name, workload)
    if name == ROLLING_RESTART:
        return lambda: _restart_all(context, target, workload)
    standings = standings_of(target, workload)
    if name == SWITCHOVER:
        acts = workload.operations.switchover(standings, "")
    else:
        acts = workload.stress[name](standings)

    def perform() -> None:
        perform_acts(context, target, workload, acts)
        await_gate(context, target, workload, workload.formed)

    return perform


def hand_over(context: Context, target: Target, workload: Workload, member: str) -> None:
    """Makes `member` primary, and waits until the service is whole again."""
    context.say(f"the primary role goes to {member} first, which sits with the clients' address")
    acts = workload.operations.switchover(standings_of(target, workload), member)
    perform_acts(context, target, workload, acts)
    await_gate(context, target, workload, workload.formed)


def _restart_all(context: Context, target: Target, workload: Workload) -> None:
    changes = restarts(tuple(context.resources.values()), workload.service)
    workloads = {workload.service: (target.name, workload)}
    steps = list(roll_steps(changes, workloads, Observation(), ()))
    while steps:
        context.stop.check()
        step = next_member(steps, context)
        roll((step,), context)
        steps.remove(step)
    await_gate(context, target, workload, workload.formed)
