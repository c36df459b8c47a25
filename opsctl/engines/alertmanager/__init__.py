"""Alertmanager: tells people of alerts, once each, and holds its tongue where it was told to.

Pure: seats and a spec go in, a Workload comes out.
"""

from opsctl.engines.alertmanager.engine import AlertmanagerEngine
from opsctl.engines.alertmanager.options import AlertmanagerService

ENGINE = AlertmanagerEngine()

__all__ = ["ENGINE", "AlertmanagerEngine", "AlertmanagerService"]
