"""The one place where concrete parts are put together.

Nothing heavy is imported before it is needed: a short command pays only for what it uses.
"""

from opsctl.wiring.drills import drill_reports, start
from opsctl.wiring.labs import cluster, cluster_up, lab, lab_up, labs
from opsctl.wiring.safe import SecretsDoor, masker, secrets
from opsctl.wiring.spec import option_models, parts

__all__ = [
    "SecretsDoor",
    "cluster",
    "cluster_up",
    "drill_reports",
    "lab",
    "lab_up",
    "labs",
    "masker",
    "option_models",
    "parts",
    "render_ansible",
    "render_kubernetes",
    "render_rbac",
    "secrets",
    "start",
]

from opsctl.wiring.rendering import render_ansible, render_kubernetes, render_rbac
