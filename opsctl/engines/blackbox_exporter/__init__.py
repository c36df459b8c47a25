"""The blackbox exporter: whether the addresses of routes can be reached from where it runs.

Pure: seats and the ways to services go in, a Workload comes out.
"""

from opsctl.engines.blackbox_exporter.engine import BlackboxExporterEngine
from opsctl.engines.blackbox_exporter.options import BlackboxExporterService

ENGINE = BlackboxExporterEngine()

__all__ = ["ENGINE", "BlackboxExporterEngine", "BlackboxExporterService"]
