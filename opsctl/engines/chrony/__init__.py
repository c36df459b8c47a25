"""chrony: keeps the clocks of hosts, one member on each of them.

Pure: seats and a spec go in, a Workload comes out.
"""

from opsctl.engines.chrony.engine import ChronyEngine
from opsctl.engines.chrony.options import ChronyService

ENGINE = ChronyEngine()

__all__ = ["ENGINE", "ChronyEngine", "ChronyService"]
