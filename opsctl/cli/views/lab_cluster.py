"""A lab's Kubernetes cluster: its nodes, and how to reach it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.text import Text

from opsctl.cli.views.lines import BAD, DIM, GOOD, STRONG, WARN, Piece, line, table
from opsctl.cli.views.view import View


class ClusterNode(Protocol):
    """A node as it is now."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def zone(self) -> str: ...
    @property
    def running(self) -> bool: ...
    @property
    def ready(self) -> bool: ...
    @property
    def control(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class ClusterView(View):
    """One cluster."""

    name: str
    kubeconfig: Path
    nodes: Sequence[ClusterNode]

    def lines(self) -> Iterable[Text]:
        yield line(("cluster ", DIM), (self.name, STRONG))
        yield from table(("NODE", "ADDRESS", "ZONE", "PART", "STATE"), self._rows())
        yield line(("export ", DIM), f"KUBECONFIG={self.kubeconfig}")

    def data(self) -> object:
        return {
            "name": self.name,
            "kubeconfig": str(self.kubeconfig),
            "nodes": [
                {
                    "name": node.name,
                    "address": node.address,
                    "zone": node.zone,
                    "control": node.control,
                    "running": node.running,
                    "ready": node.ready,
                }
                for node in self.nodes
            ],
        }

    def _rows(self) -> list[list[Piece]]:
        return [
            [
                node.name,
                node.address,
                node.zone,
                "control plane" if node.control else "worker",
                _state(node),
            ]
            for node in self.nodes
        ]


def _state(node: ClusterNode) -> Piece:
    if not node.running:
        return ("off", BAD)
    return ("ready", GOOD) if node.ready else ("not ready", WARN)
