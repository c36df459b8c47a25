"""What drills need of this machine: programs that run beside, and a place for reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsctl.wiring.places import state_folder

if TYPE_CHECKING:
    from opsctl.clients.reports import Reports
    from opsctl.ports.process import Running


def start(argv: Sequence[str], stdin: str) -> Running:
    """Starts a program; see opsctl.ports.process."""
    from opsctl.clients.process import Process

    return Process(argv, stdin)


def drill_reports(environment_id: str) -> Reports:
    from opsctl.clients.reports import Reports

    return Reports(state_folder() / environment_id / "drills")
