"""The Protocols that flow, running and drills speak through. Targets and clients implement them."""

from opsctl.ports.doors import (
    GENERATION,
    OUT_OF_REACH,
    ROOT,
    SIGNAL,
    START,
    Asked,
    Event,
    Events,
    Fence,
    NodeJob,
    Outcome,
    Record,
    Upkeep,
    Work,
)
from opsctl.ports.secrets import Certified, Secrets
from opsctl.ports.target import Target

__all__ = [
    "GENERATION",
    "OUT_OF_REACH",
    "ROOT",
    "SIGNAL",
    "START",
    "Asked",
    "Certified",
    "Event",
    "Events",
    "Fence",
    "NodeJob",
    "Outcome",
    "Record",
    "Secrets",
    "Target",
    "Upkeep",
    "Work",
]
