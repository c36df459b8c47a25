"""The files by which a Grafana that is configured by files finds dashboards and their data."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.model import Environment
from opsctl.monitoring.dashboards.naming import uid

PASSWORD = "OPSCTL_PROMETHEUS_PASSWORD"  # noqa: S105 the name of a variable of Grafana's process


def folder_of(environment: Environment) -> tuple[str, str]:
    """The uid and title of an environment's folder."""
    return uid(environment.id, "folder"), environment.name


def source_uid(environment: Environment) -> str:
    """The uid of the data source that opsctl makes for an environment."""
    return uid(environment.id, "prometheus")


def source_name(environment: Environment) -> str:
    """Its name, as people see it."""
    return f"{environment.name} (opsctl)"


def provider_file(environment: Environment) -> str:
    """Tells Grafana to read the dashboards from a folder."""
    folder, title = folder_of(environment)
    return f"""\
# Goes to /etc/grafana/provisioning/dashboards/opsctl-{environment.id}.yaml
apiVersion: 1
providers:
  - name: opsctl-{environment.id}
    folder: {title}
    folderUid: {folder}
    type: file
    disableDeletion: false  # the dashboards of a removed service go with their file
    allowUiUpdates: false
    options:
      path: /var/lib/grafana/dashboards/opsctl-{environment.id}  # the files of dashboards/ go there
"""


def source_file(
    environment: Environment, url: str = "", user: str = "", authority: str = ""
) -> str:
    """Tells Grafana where the Prometheus is. The password is read from Grafana's environment;
    `authority` is the certificate that the server is known by, in PEM."""
    access = "".join(f"{line}\n" for line in _access(user, authority))
    return f"""\
# Goes to /etc/grafana/provisioning/datasources/opsctl-{environment.id}.yaml
apiVersion: 1
datasources:
  - name: {source_name(environment)}
    uid: {source_uid(environment)}
    type: prometheus
    access: proxy
    url: {url or "http://localhost:9090  # where Grafana reaches this environment's Prometheus"}
    jsonData:
      httpMethod: POST
{access}"""


def _access(user: str, authority: str) -> Iterator[str]:
    if authority:
        yield "      tlsAuthWithCACert: true"
    if user:
        yield "    basicAuth: true"
        yield f"    basicAuthUser: {user}"
    if user or authority:
        yield "    secureJsonData:"
    if user:
        yield f"      basicAuthPassword: ${PASSWORD}  # a variable of Grafana's process"
    if authority:
        yield "      tlsCACert: |"
        yield from (f"        {line}" for line in authority.splitlines())
