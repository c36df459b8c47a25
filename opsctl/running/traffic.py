"""Clients are led away from a member before it stops, and back to it when it is whole again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opsctl.errors import OpsError
from opsctl.running.context import Context
from opsctl.running.gates import perform_acts
from opsctl.workload import Act, Workload


@contextmanager
def led_away(context: Context, service: str, member: str) -> Iterator[None]:
    """For the time of the block, balancers send no new clients to `member`.

    A balancer that can't be told is told of and gone on without: its checks will see the stop.
    What a killed run leaves drained is drift, which the next apply mends.
    """
    pools = [
        (target, workload, workload.traffic(service, member))
        for target, workload in context.workloads.values()
        if workload.traffic is not None
    ]
    for target, pool, traffic in pools:
        _do(context, target, pool, traffic.drain)
    try:
        yield
    finally:
        for target, pool, traffic in pools:
            _do(context, target, pool, traffic.undrain)


def _do(context: Context, target: str, pool: Workload, acts: tuple[Act, ...]) -> None:
    for act in acts:
        try:
            perform_acts(context, context.targets[target], pool, (act,))
        except OpsError as error:
            if error.code not in ("run/unanswered", "run/refused", "run/gate", "run/lost"):
                raise
            context.say(f"could not {act.call.words}: {error.message}", where=act.call.member)
