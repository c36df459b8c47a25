"""The same for a Prometheus that the Prometheus Operator runs: its objects, PodMonitor and
PrometheusRule, with the labels that everything scraped has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby

import yaml

from opsctl.workload import Directory, Scrape, SecretRef

API = "monitoring.coreos.com/v1"
README = "README.md"
AUTHORITY, CLIENT = "scrape-authority", "scrape-client"  # whom it believes, and its own proof
_Object = dict[str, object]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # twenty times as fast


def operator_objects(directory: Directory, namespace: str, interval: float) -> Mapping[str, str]:
    """By path, manifests for the environment's namespace, and a page that says what else they want:
    no secret is in any. `interval`: seconds between two scrapes."""
    monitors = {
        f"podmonitor-{_name(service, several[0])}.yaml": _pod_monitor(
            directory.environment, namespace, service, several[0], interval
        )
        for service, several in _ways(directory)
    }
    rules = {
        f"prometheusrule-{name}": _rule(directory.environment, namespace, name, text)
        for name, text in sorted(directory.rules.items())
    }
    return {
        README: _readme(directory, namespace),
        **{name: yaml.safe_dump(one, sort_keys=False) for name, one in (monitors | rules).items()},
    }


def _ways(directory: Directory) -> Iterator[tuple[str, tuple[Scrape, ...]]]:
    """Of each service the scrapes that differ in nothing but the member."""
    for service, scrapes in sorted(directory.watched.items()):
        for _, several in groupby(sorted(scrapes, key=_way), key=_way):
            yield service, tuple(several)


def _way(scrape: Scrape) -> tuple[str, ...]:
    pairs = (*sorted(scrape.params.items()), *sorted(scrape.labels.items()))
    more = (word for pair in pairs for word in pair)
    return (scrape.job, str(scrape.port), scrape.path, *more)


def _name(service: str, one: Scrape) -> str:
    words = [service, one.job, *(value for _, value in sorted(one.labels.items()))]
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower())[:200].strip("-")


def _metadata(environment: str, namespace: str, name: str) -> _Object:
    return {
        "name": f"opsctl-{environment}-{name}",
        "namespace": namespace,
        "labels": {
            "app.kubernetes.io/managed-by": "opsctl",
            "opsctl.dev/environment": environment,
        },
    }


def _pod_monitor(
    environment: str, namespace: str, service: str, one: Scrape, interval: float
) -> _Object:
    endpoint: _Object = {
        "portNumber": one.port,
        "path": one.path,
        "interval": f"{interval:g}s",
        **(_trust(one) if one.tls != "none" else {}),
        **({"params": {name: [value] for name, value in one.params.items()}} if one.params else {}),
        **({"basicAuth": _login(one.password)} if one.password else {}),
        "relabelings": list(_relabelings(environment, service, one)),
    }
    labels = {"opsctl.dev/environment": environment, "opsctl.dev/service": service}
    return {
        "apiVersion": API,
        "kind": "PodMonitor",
        "metadata": _metadata(environment, namespace, _name(service, one)),
        "spec": {
            "namespaceSelector": {"matchNames": [one.realm or namespace]},
            "selector": {"matchLabels": labels},
            "podMetricsEndpoints": [endpoint],
        },
    }


def _trust(one: Scrape) -> _Object:
    """Over TLS, with what a person hands over."""
    client = {"secret": {"name": CLIENT, "key": "client.pem"}}
    proof = {"cert": client, "keySecret": client["secret"]} if one.tls == "mutual" else {}
    trust = {"ca": {"configMap": {"name": AUTHORITY, "key": "ca.pem"}}, "serverName": one.called}
    return {"scheme": "https", "tlsConfig": {**trust, **proof}}


def _login(password: SecretRef) -> _Object:
    secret = secret_name(password)
    return {key: {"name": secret, "key": key} for key in ("username", "password")}


def secret_name(password: SecretRef) -> str:
    """The Secret that a person makes of it."""
    return f"scrape-{password.name.replace('/', '-')}"


def _relabelings(environment: str, service: str, one: Scrape) -> Iterator[_Object]:
    fixed = {"job": one.job, "environment": environment, "service": service, **one.labels}
    for name, value in fixed.items():
        yield {"targetLabel": name, "replacement": value}
    yield {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "host"}
    member = "__meta_kubernetes_pod_label_opsctl_dev_member"
    yield {"sourceLabels": [member], "targetLabel": "member"}
    # One that is on each node bears the node's name.
    yield {
        "sourceLabels": ["member", "host"],
        "regex": ";([^.]+).*",
        "targetLabel": "member",
        "replacement": f"{service}-$1",
    }


def _rule(environment: str, namespace: str, name: str, text: str) -> _Object:
    short = name.removesuffix(".yaml").removeprefix(f"{environment}-")
    return {
        "apiVersion": API,
        "kind": "PrometheusRule",
        "metadata": _metadata(environment, namespace, short),
        "spec": yaml.load(text, _LOADER),  # noqa: S506 - a safe one
    }


def _readme(directory: Directory, namespace: str) -> str:
    everybody = (scrape for scrapes in directory.watched.values() for scrape in scrapes)
    logins = {(one.user, one.password) for one in everybody if one.password}
    commands = "\n".join(
        f"kubectl -n {namespace} create secret generic {secret_name(password)} \\\n"
        f"  --from-literal=username={user} "
        f"--from-file=password=<(opsctl secrets show {password.name} | tr -d '\\n')"
        for user, password in sorted(logins, key=str)
        if password
    )
    return f"""\
# {directory.environment}, for the Prometheus Operator

Written by `opsctl render monitoring`; write and apply it anew after an apply that adds or removes
services. Members that come and go are found by the Operator itself.

1. Passwords and certificates, which opsctl writes down nowhere. A client's certificate lasts for 30
to 90 days, so do this anew every month (`kubectl delete` first):

```sh
{commands}
kubectl -n {namespace} create configmap {AUTHORITY} --from-file=ca.pem=<(opsctl cert show-ca)
kubectl -n {namespace} create secret generic {CLIENT} \
  --from-file=client.pem=<(opsctl cert client prometheus)
```

2. The objects, once the Operator's CRDs are there (0.74 or newer, for `portNumber`):

```sh
kubectl apply -f .
```

3. The `Prometheus` object must choose them: its podMonitorSelector and ruleSelector match
`opsctl.dev/environment: {directory.environment}`, its namespace selectors {namespace}. Its network
must reach the pods at the ports that the PodMonitors name.
"""
