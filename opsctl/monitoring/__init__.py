"""From what services can be watched by to rules, alerts, SLOs and dashboards. Pure.

What differs between engines is data, `alerts/NAME.yaml` and `dashboards/NAME.yaml`; `catalogue`
says its shape.
"""

from opsctl.monitoring.catalogue import SCRAPED, Alert, Catalogue, Metric, Record, parse
from opsctl.monitoring.collecting import watched_on
from opsctl.monitoring.rules import rule_files

__all__ = [
    "SCRAPED",
    "Alert",
    "Catalogue",
    "Metric",
    "Record",
    "parse",
    "rule_files",
    "watched_on",
]
