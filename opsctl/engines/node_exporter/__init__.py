"""The node exporter: how each host is, one member on each of them.

Pure: seats and a spec go in, a Workload comes out.
"""

from opsctl.engines.node_exporter.engine import NodeExporterEngine
from opsctl.engines.node_exporter.options import NodeExporterService

ENGINE = NodeExporterEngine()

__all__ = ["ENGINE", "NodeExporterEngine", "NodeExporterService"]
