"""What a benchmark asks of a tool."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.measuring import Done
from benchmarks.world import World


@dataclass(frozen=True, slots=True)
class Way:
    """A way of a tool to find that nothing is to do; `label` is its row in the table."""

    label: str
    option: str = ""


class Tool(Protocol):
    """A tool, and the state it keeps. Tools of one `state` converge the very same files."""

    name: str
    state: str
    ways: tuple[Way, ...]
    keeps_connections: bool

    def install(self) -> str:
        """Have it ready to run; gives its version. Raises Failed with the reason."""
        ...

    def begin(self, world: World) -> None:
        """Forget earlier hosts: these are new."""
        ...

    def write(self, world: World) -> None:
        """Write down what is wanted now; no host is touched."""
        ...

    def plan(self, world: World, way: Way) -> Done:
        """Find nothing to do. Raises Failed when it found something."""
        ...

    def apply(self, world: World) -> Done:
        """Make it so. Raises Failed."""
        ...

    def values(self, world: World) -> set[int]:
        """The setting that changes, as the running servers have it; asked without the tool."""
        ...

    def disconnect(self) -> None:
        """Close kept connections, so that the next command makes new ones."""
        ...


def close_masters(folder: Path) -> None:
    """End every OpenSSH master whose control socket lies in a folder."""
    for socket in folder.glob("*") if folder.is_dir() else ():
        if socket.is_socket():
            subprocess.run(
                ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"],
                capture_output=True, timeout=10, check=False,
            )  # fmt: skip
            socket.unlink(missing_ok=True)
