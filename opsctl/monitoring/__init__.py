"""From what services can be watched by to rules, alerts, SLOs and dashboards. Pure.

What differs between engines is data, `alerts/NAME.yaml` and `dashboards/NAME.yaml`; `catalogue`
says its shape.
"""

from opsctl.monitoring.catalogue import Alert, Catalogue, Metric, Record, parse

__all__ = ["Alert", "Catalogue", "Metric", "Record", "parse"]
