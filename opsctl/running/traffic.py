"""Clients are led away from a member before it stops, and back to it when it is whole again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from opsctl.errors import OpsError, as_ops
from opsctl.running.context import Context, Service
from opsctl.running.gates import await_gate, perform_acts
from opsctl.workload import Act

_Due: TypeAlias = tuple[Service, Act]  # an act at a balancer of this pool
_TOLERATED = ("run/unanswered", "run/refused", "run/gate", "run/lost")


@contextmanager
def led_away(context: Context, service: str, member: str) -> Iterator[None]:
    """For the time of the block, balancers send no new clients to `member`.

    However the block ends, a stop that was asked for included, every balancer is told to let
    clients back; only a block that went well waits until they get there. A balancer that can't be
    told is told of and gone on without: its checks will see the stop. What a killed run leaves
    drained is drift, which the next apply mends.
    """
    pools = [
        (Service(context, context.targets[target], workload), workload.traffic(service, member))
        for target, workload in context.workloads.values()
        if workload.traffic is not None
    ]
    back = [(pool, act) for pool, traffic in pools for act in traffic.undrain]
    try:
        for pool, traffic in pools:
            for act in traffic.drain:
                with _tolerated(context, act):
                    perform_acts(pool, (replace(act, lasting=False),))
        yield
    except BaseException:
        _lead_back(context, back)
        raise
    led, failed = _lead_back(context, back)
    if failed:
        raise failed[0]
    for pool, act in led:
        if act.until is not None:
            with _tolerated(context, act):
                await_gate(pool, act.until)


def _lead_back(context: Context, back: Sequence[_Due]) -> tuple[Sequence[_Due], Sequence[OpsError]]:
    """Does every act, whatever becomes of the others, and waits for none: a wait may be cut short.
    Gives those that were done, and the errors that are not tolerated."""
    done, failed = [], []
    for pool, act in back:
        try:
            perform_acts(pool, (replace(act, until=None, lasting=False),))
            done.append((pool, act))
        except (OpsError, OSError) as error:
            context.changed.add(act.call.member)  # it keeps clients away still
            reason = as_ops(error)
            _say(context, act, reason)
            if reason.code not in _TOLERATED:
                failed.append(reason)
    return done, failed


@contextmanager
def _tolerated(context: Context, act: Act) -> Iterator[None]:
    try:
        yield
    except OpsError as error:
        if error.code not in _TOLERATED:
            raise
        _say(context, act, error)


def _say(context: Context, act: Act, error: OpsError) -> None:
    context.say(f"could not {act.call.words}: {error.message}", where=act.call.member)
