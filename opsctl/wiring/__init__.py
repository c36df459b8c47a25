"""The one place where concrete parts are put together.

Nothing heavy is imported before it is needed: a short command pays only for what it uses.
"""

from opsctl.discovery import option_models
from opsctl.wiring.alerting import alertmanager, if_any, prometheus, rule_tool
from opsctl.wiring.drills import drill_reports, start
from opsctl.wiring.labs import cluster, cluster_up, lab, lab_up, labs
from opsctl.wiring.safe import SecretsDoor, masker, secrets
from opsctl.wiring.spec import parts
from opsctl.wiring.watching import boards, grafana, metrics, preview, pushing, units

__all__ = [
    "SecretsDoor",
    "alertmanager",
    "boards",
    "cluster",
    "cluster_up",
    "drill_reports",
    "grafana",
    "if_any",
    "lab",
    "lab_up",
    "labs",
    "masker",
    "metrics",
    "option_models",
    "parts",
    "preview",
    "prometheus",
    "pushing",
    "render_ansible",
    "render_dashboards",
    "render_kubernetes",
    "render_monitoring",
    "render_rbac",
    "rule_tool",
    "secrets",
    "start",
    "units",
]

from opsctl.wiring.rendering import (
    render_ansible,
    render_dashboards,
    render_kubernetes,
    render_monitoring,
    render_rbac,
)
