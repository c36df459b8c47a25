"""The spec: what a person may write.

`load` reads files into a frozen `Environment`; every mistake is a SpecError with its line. The
model is given the engines it knows: each supplies a subclass of `ServiceBase` with its own keys.
"""

from opsctl.model.authorities import Authority, over_tls
from opsctl.model.base import Keys, Model, Name, Port, Secret, SecretValue, check_name, problem
from opsctl.model.checking import candidate_hosts
from opsctl.model.codes import ERRORS, FINDINGS
from opsctl.model.cron import Cron
from opsctl.model.environment import Environment
from opsctl.model.findings import Finding
from opsctl.model.json_schema import schema
from opsctl.model.linting import lint
from opsctl.model.loading import Engines, load, load_data
from opsctl.model.monitoring import (
    Alertmanager,
    BasicAuth,
    ExistingPrometheus,
    Grafana,
    Monitoring,
    Pace,
    Receiver,
    RemoteWrite,
    Url,
)
from opsctl.model.quantities import Bytes, Duration, Quantity
from opsctl.model.reference import reference_markdown, service_markdown
from opsctl.model.routes import Route, Vip
from opsctl.model.secrets import ExecBackend, Secrets
from opsctl.model.services import (
    Backup,
    External,
    Placement,
    Replicas,
    ServiceBase,
    Setting,
    Slo,
    Storage,
)
from opsctl.model.targets import (
    Host,
    HostsTarget,
    InventoryHosts,
    Kubernetes,
    KubernetesTarget,
    LabHosts,
    Packages,
    Ssh,
    Target,
    Toleration,
)
from opsctl.model.timekeeping import keeper_words

__all__ = [
    "ERRORS",
    "FINDINGS",
    "Alertmanager",
    "Authority",
    "Backup",
    "BasicAuth",
    "Bytes",
    "Cron",
    "Duration",
    "Engines",
    "Environment",
    "ExecBackend",
    "ExistingPrometheus",
    "External",
    "Finding",
    "Grafana",
    "Host",
    "HostsTarget",
    "InventoryHosts",
    "Keys",
    "Kubernetes",
    "KubernetesTarget",
    "LabHosts",
    "Model",
    "Monitoring",
    "Name",
    "Pace",
    "Packages",
    "Placement",
    "Port",
    "Quantity",
    "Receiver",
    "RemoteWrite",
    "Replicas",
    "Route",
    "Secret",
    "SecretValue",
    "Secrets",
    "ServiceBase",
    "Setting",
    "Slo",
    "Ssh",
    "Storage",
    "Target",
    "Toleration",
    "Url",
    "Vip",
    "candidate_hosts",
    "check_name",
    "keeper_words",
    "lint",
    "load",
    "load_data",
    "over_tls",
    "problem",
    "reference_markdown",
    "schema",
    "service_markdown",
]
