"""Labs: their hosts and what is broken in them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.text import Text

from opsctl.cli.views.lines import BAD, DIM, GOOD, STRONG, WARN, Piece, line, table
from opsctl.cli.views.view import View


class Host(Protocol):
    """A host as it is now."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def system(self) -> str: ...
    @property
    def running(self) -> bool: ...
    @property
    def rack(self) -> str: ...


class Fault(Protocol):
    """A fault that is active; `until` is in seconds since the epoch."""

    @property
    def kind(self) -> str: ...
    @property
    def hosts(self) -> tuple[str, ...]: ...
    @property
    def until(self) -> float: ...


@dataclass(frozen=True, slots=True)
class LabView(View):
    """One lab."""

    name: str
    hosts: Sequence[Host]
    faults: Sequence[Fault]

    def lines(self) -> Iterable[Text]:
        yield line(("lab ", DIM), (self.name, STRONG))
        yield from table(("HOST", "ADDRESS", "SYSTEM", "RACK", "STATE"), self._rows())
        yield from _fault_lines(self.faults)

    def data(self) -> object:
        return {
            "name": self.name,
            "hosts": [
                {
                    "name": host.name,
                    "address": host.address,
                    "system": host.system,
                    "rack": host.rack,
                    "running": host.running,
                }
                for host in self.hosts
            ],
            "faults": _fault_data(self.faults),
        }

    def _rows(self) -> list[list[Piece]]:
        states: dict[bool, Piece] = {True: ("running", GOOD), False: ("off", BAD)}
        return [
            [host.name, host.address, host.system, host.rack, states[host.running]]
            for host in self.hosts
        ]


@dataclass(frozen=True, slots=True)
class LabsView(View):
    """Every lab of this machine."""

    labs: Sequence[LabView]

    def lines(self) -> Iterable[Text]:
        if not self.labs:
            yield line(("no lab is up: `opsctl lab up` starts one", DIM))
        for number, lab in enumerate(self.labs):
            if number:
                yield Text()
            yield from lab.lines()

    def data(self) -> object:
        return [lab.data() for lab in self.labs]


@dataclass(frozen=True, slots=True)
class FaultsView(View):
    """What is broken now."""

    faults: Sequence[Fault]

    def lines(self) -> Iterable[Text]:
        if not self.faults:
            yield line(("no fault is active any more", GOOD))
        yield from _fault_lines(self.faults)

    def data(self) -> object:
        return _fault_data(self.faults)


def _fault_lines(faults: Sequence[Fault]) -> Iterator[Text]:
    for fault in faults:
        left = max(0.0, fault.until - time.time())
        yield line((f"  {fault.kind} ", WARN), ", ".join(fault.hosts), f", undone in {left:.0f} s")


def _fault_data(faults: Sequence[Fault]) -> list[dict[str, object]]:
    return [
        {"kind": fault.kind, "hosts": list(fault.hosts), "until": fault.until} for fault in faults
    ]
