"""Prometheus: collects the metrics of every service of its target and tells of alerts.

Pure: seats, a spec and what there is to watch go in, a Workload comes out.
"""

from opsctl.engines.prometheus.engine import PrometheusEngine
from opsctl.engines.prometheus.options import PrometheusService

ENGINE = PrometheusEngine()

__all__ = ["ENGINE", "PrometheusEngine", "PrometheusService"]
