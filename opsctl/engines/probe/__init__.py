"""The probe: uses services through their routes all the time, as their clients do, and measures.

Pure: seats and the ways to services go in, a Workload comes out. How a service is used, its own
engine says (`Entry.trial`).
"""

from opsctl.engines.probe.engine import ProbeEngine
from opsctl.engines.probe.options import ProbeService

ENGINE = ProbeEngine()

__all__ = ["ENGINE", "ProbeEngine", "ProbeService"]
