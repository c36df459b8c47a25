"""The Protocols that flow, running and drills speak through. Targets and clients implement them."""

from opsctl.ports.secrets import Secrets
from opsctl.ports.target import (
    Asked,
    Event,
    Events,
    Fence,
    Outcome,
    Record,
    Target,
    Work,
)

__all__ = ["Asked", "Event", "Events", "Fence", "Outcome", "Record", "Secrets", "Target", "Work"]
