"""How far a pod has come, and what keeps it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opsctl.targets.kubernetes.live import leaving
from opsctl.targets.kubernetes.site import Manifest

# Reasons of a waiting container that pass by themselves.
_PASSING: Final = frozenset({"ContainerCreating", "PodInitializing", ""})


@dataclass(frozen=True, slots=True)
class Delay:
    """Why a pod does not run yet. `patience`: seconds after which it won't by itself; `container`:
    whose last words tell more."""

    words: str
    patience: float = 600.0
    container: str = ""
    hint: str = "mend the reason, then go on with opsctl apply --resume"


def delay(pod: Manifest | None, warnings: Sequence[str] = ()) -> Delay | None:
    """None as soon as all containers run. `warnings` are events about the pod or its keeper."""
    if pod is None:
        said = warnings[-1] if warnings else "its controller has not made it yet"
        return Delay(said, 60.0)
    if leaving(pod):
        return _ending(pod)
    status: Mapping[str, Any] = pod.get("status") or {}
    found = next(_delays(status), None)
    if found is not None or _runs(pod, status):
        return found
    said = warnings[-1] if warnings else f"it is {str(status.get('phase', 'Pending')).lower()}"
    return Delay(said)


def ends_within(pod: Manifest) -> float:
    """Seconds after which a pod that was told to end won't by itself: its server may use all of its
    grace, such as to write its data."""
    return float((pod.get("spec") or {}).get("terminationGracePeriodSeconds") or 30) + 60.0


def _ending(pod: Manifest) -> Delay:
    node = (pod.get("spec") or {}).get("nodeName") or "no node"
    return Delay(
        f"the pod before it is still ending on {node}",
        ends_within(pod),
        hint=f"if the node is gone for good: kubectl delete node {node}; then go on with opsctl "
        "apply --resume",
    )


def _delays(status: Mapping[str, Any]) -> Iterator[Delay]:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            words = f"no node takes it: {condition.get('message') or condition.get('reason')}"
            yield Delay(words, 60.0)
    for sort in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(sort) or ():
            yield from _of_container(one)
    if status.get("phase") == "Failed":
        yield Delay(f"it failed: {status.get('message') or status.get('reason')}", 0.0)


def _of_container(status: Mapping[str, Any]) -> Iterator[Delay]:
    name = status["name"]
    state: Mapping[str, Any] = status.get("state") or {}
    waiting: Mapping[str, Any] = state.get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    if reason == "CrashLoopBackOff":
        words = f"{name} ends again and again: {_end(status.get('lastState') or {})}"
        yield Delay(words, 0.0, name)
    elif reason not in _PASSING:
        # A registry may be away for a moment; a Secret may come a moment later.
        words = f"{name}: {reason}: {waiting.get('message') or 'without a reason'}"
        yield Delay(words, 20.0)
    ended: Mapping[str, Any] = state.get("terminated") or {}
    if ended and ended.get("exitCode") != 0:
        yield Delay(f"{name} ended: {_end(state)}", 45.0, name)


def _end(state: Mapping[str, Any]) -> str:
    ended: Mapping[str, Any] = state.get("terminated") or {}
    if not ended:
        return "without a word"
    said = ended.get("message") or ended.get("reason") or ""
    return f"exit {ended.get('exitCode')}" + (f", {said}" if said else "")


def _runs(pod: Manifest, status: Mapping[str, Any]) -> bool:
    states = status.get("containerStatuses") or ()
    running = [one for one in states if (one.get("state") or {}).get("running")]
    return len(running) == len((pod.get("spec") or {}).get("containers") or ()) > 0
