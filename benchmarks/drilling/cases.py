"""What is measured: tables of cases, each some arguments of `opsctl drill run`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.drills.faults import FAULTS, OF_PODS
from opsctl.engines.redis.presets import PRESETS

Table = Literal["faults", "sweep", "returns", "cluster"]
TABLES: tuple[Table, ...] = ("faults", "sweep", "returns", "cluster")
# What the pods of a service in a cluster go through; the rest is measured on hosts.
_OF_A_CLUSTER = (
    "primary-process",
    "delete-pod",
    "drain",
    "switchover",
    "rolling-restart",
    "pause-primary",
    "isolate-primary",
    "primary-host",
)
# When a Sentinel says one of these, an old primary that stood still is let go on.
MOMENTS = (
    "+sdown master",
    "+odown master",
    "+try-failover",
    "+elected-leader",
    "+selected-slave",
    "+failover-state-wait-promotion",
    "+promoted-slave",
    "+switch-master",
)
_STEPS = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)  # of the threshold
_LEAST = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Case:
    """`moment`: the fault is ended when a Sentinel says this."""

    table: Table
    preset: str
    name: str
    arguments: tuple[str, ...]
    moment: str = ""


def cases(tables: Sequence[str], presets: Sequence[str], faults: Sequence[str]) -> Iterator[Case]:
    """All of one preset before the next: another one is another apply. `faults` () is all."""
    for preset in presets:
        every = (*_faults(preset), *_sweep(preset), *_returns(preset), *_clustered(preset))
        for case in every:
            if case.table in tables and (not faults or case.arguments[0] in faults):
                yield case


def _faults(preset: str) -> Iterator[Case]:
    for fault in FAULTS:
        if not fault.sweep and fault.kind not in OF_PODS:
            yield Case("faults", preset, fault.name, (fault.name,))


def _sweep(preset: str) -> Iterator[Case]:
    threshold = PRESETS[preset].tolerates
    for seconds in sorted({_LEAST, *(round(step * threshold, 2) for step in _STEPS)}):
        lasting = f"{seconds * 1000:.0f}ms"
        yield Case("sweep", preset, f"pause {seconds:g} s", ("pause", "--for", lasting))
    yield Case("sweep", preset, "cpu 20 s", ("cpu",))
    for percent in range(1, 6):
        words = ("loss", "--percent", str(percent))
        yield Case("sweep", preset, f"loss {percent} %", words)
    yield Case("sweep", preset, "background save", ("background-save",))


def _returns(preset: str) -> Iterator[Case]:
    longest = f"{(PRESETS[preset].tolerates + 3) * 1000:.0f}ms"
    for moment in MOMENTS:
        yield Case("returns", preset, moment, ("pause", "--for", longest), moment)


def _clustered(preset: str) -> Iterator[Case]:
    for name in _OF_A_CLUSTER:
        yield Case("cluster", preset, name, (name,))
