"""The environment's lock, held on every target and renewed while a run goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from opsctl.errors import CONTROL_MACHINE, OpsError, as_ops
from opsctl.ports import OUT_OF_REACH, Fence, Target
from opsctl.running.context import Stop

# Seconds that a lock outlives its last renewal: what a dead holder makes the next one wait.
TTL = 60.0
# Below this, a slow host or a busy machine would cost a living holder its lock; a host that dies
# may do so below 20, for it is asked for some 10 seconds until it counts as away.
SHORTEST = 5.0
_PASSING = (OUT_OF_REACH, CONTROL_MACHINE)


@contextmanager
def leased(
    targets: Mapping[str, Target], holder: str, stop: Stop, ttl: float = TTL
) -> Iterator[dict[str, Fence]]:
    """Holds the lock of all `targets`, taken in the order of their names, so that two callers
    can't each hold what the other wants. A lock that is lost asks `stop`."""
    fences: dict[str, Fence] = {}
    granted: dict[str, float] = {}
    ended = threading.Event()
    keeping = (targets, fences, granted, stop, ended, ttl)
    keeper = threading.Thread(target=_keep, args=keeping, daemon=True)
    try:
        keeper.start()  # a slow target must not cost the ones before it their locks
        for name in sorted(targets):
            granted[name] = time.monotonic()
            fences[name] = targets[name].acquire(holder, ttl)
        yield fences
    finally:
        ended.set()
        if keeper.is_alive():
            keeper.join(ttl)
        with ExitStack() as each:  # is tried, whatever becomes of the others
            for name, fence in fences.items():
                each.callback(_let_go, targets[name], fence)


def _let_go(target: Target, fence: Fence) -> None:
    with suppress(OSError):  # it runs out by itself
        target.release(fence)


def _keep(
    targets: Mapping[str, Target],
    fences: Mapping[str, Fence],
    granted: dict[str, float],
    stop: Stop,
    ended: threading.Event,
    ttl: float,
) -> None:
    """Renews the locks of `fences`, to which more may come, three times in `ttl` seconds where all
    answer in time. `granted`: when each was asked for when it was granted last."""
    pause = every = ttl / 3
    while not ended.wait(pause):
        began = time.monotonic()
        for name, fence in tuple(fences.items()):
            asked = time.monotonic()
            try:
                targets[name].renew(fence, ttl)
            except (OpsError, OSError) as error:
                reason = as_ops(error)
                # Hosts that fell at once may be back before the lock runs out: it is asked again.
                if reason.code in _PASSING and time.monotonic() + every < granted[name] + ttl:
                    continue
                stop.ask(reason)
                return
            granted[name] = asked
        pause = max(0.0, began + every - time.monotonic())
