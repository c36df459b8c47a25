"""The same for a Prometheus that the Prometheus Operator runs: its objects, PodMonitor and
PrometheusRule, with the labels that everything scraped has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby

import yaml

from opsctl.workload import Directory, Scrape, SecretRef, patience

API = "monitoring.coreos.com/v1"
README = "README.md"
PODS = {"app.kubernetes.io/name": "prometheus"}  # labels of those it makes, and of most charts
OLDEST = "0.79"  # of the Operator: the first that takes the number of a port
AUTHORITY, CLIENT = "scrape-authority", "scrape-client"  # whom it believes, and its own proof
_Object = dict[str, object]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # twenty times as fast

_README = """\
# {environment}, for the Prometheus Operator

Written by `opsctl render monitoring`; write and apply it anew (step 2) after an apply that adds or
removes services. Members that come and go are found by the Prometheus itself.

1. Passwords and certificates, which opsctl writes down nowhere; where the spec is. A client's
certificate lasts for 30 to 90 days, so do this anew every month:

```sh
put() {{
  kubectl -n {namespace} create "$@" --dry-run=client -o yaml | kubectl apply --server-side -f -
}}
{commands}
put configmap {authority} --from-file=ca.pem=<(opsctl cert show-ca)
put secret generic {client} --from-file=client.pem=<(opsctl cert client prometheus)
```

2. The objects, in this folder, once the Operator's CRDs are there ({oldest} or newer). Those of
services that are gone go:

```sh
kubectl -n {namespace} apply -f . --prune -l opsctl.dev/environment={environment} \\
  --prune-allowlist=monitoring.coreos.com/v1/PodMonitor \\
  --prune-allowlist=monitoring.coreos.com/v1/PrometheusRule
```

3. The `Prometheus` object must choose them, and nothing may rewrite their labels:

```yaml
podMonitorSelector: {chosen}
podMonitorNamespaceSelector: {there}
ruleSelector: {chosen}
ruleNamespaceSelector: {there}
```

4. It must be allowed to see the pods. Its ServiceAccount is named first, as NAMESPACE:NAME:

```sh
account=monitoring:prometheus-k8s
for room in {rooms}; do
  kubectl -n $room create role opsctl-scrape --verb=get,list,watch --resource=pods
  kubectl -n $room create rolebinding opsctl-scrape --role=opsctl-scrape --serviceaccount=$account
done
```

Its network must reach them at the ports that the PodMonitors name. opsctl's NetworkPolicies let in
the pods of any namespace that bear `app.kubernetes.io/name: prometheus`, as the Operator's do.

For the routes of its Alertmanager alerts carry `severity` (page or ticket), `environment`,
`service`, `member` and `host`. Whether it reaches every target (`up == 0`), how it is itself, and a
dead-man alert are for its own rules.
"""


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
        f"prometheusrule-{name}": _rule(directory.environment, namespace, name, text, interval)
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
        "interval": _milliseconds(interval),
        "scrapeTimeout": _milliseconds(patience(interval)),
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
        yield _put(name, replacement=value)
    yield _put("host", sourceLabels=["__meta_kubernetes_pod_node_name"])
    yield _put("member", sourceLabels=["__meta_kubernetes_pod_label_opsctl_dev_member"])
    # One that is on each node bears the node's name.
    yield _put(
        "member",
        sourceLabels=["member", "host"],
        regex=";([^.]+).*",
        replacement=f"{service}-$1",
    )


def _put(label: str, **how: object) -> _Object:
    """Says the action too: where the schema has to add it kubectl sees a change each time."""
    return {"action": "replace", "targetLabel": label, **how}


def _rule(environment: str, namespace: str, name: str, text: str, interval: float) -> _Object:
    """With the pace that alerts count on: the Operator's own is 30 s."""
    short = name.removesuffix(".yaml").removeprefix(f"{environment}-")
    groups = yaml.load(text, _LOADER)["groups"]  # noqa: S506 - a safe one
    paced = [{"name": one["name"], "interval": _milliseconds(interval), **one} for one in groups]
    return {
        "apiVersion": API,
        "kind": "PrometheusRule",
        "metadata": _metadata(environment, namespace, short),
        "spec": {"groups": paced},
    }


def _milliseconds(seconds: float) -> str:
    """Fractions of a second are refused."""
    return f"{round(seconds * 1000)}ms"


def _readme(directory: Directory, namespace: str) -> str:
    everybody = [scrape for scrapes in directory.watched.values() for scrape in scrapes]
    logins = {(one.user, one.password) for one in everybody if one.password}
    commands = "\n".join(
        f"put secret generic {secret_name(password)} --from-literal=username={user} \\\n"
        f"  --from-file=password=<(opsctl secrets show {password.name} | tr -d '\\n')"
        for user, password in sorted(logins, key=str)
        if password
    )
    rooms = sorted({one.realm or namespace for one in everybody})
    return _README.format(
        environment=directory.environment,
        namespace=namespace,
        commands=commands,
        authority=AUTHORITY,
        client=CLIENT,
        oldest=OLDEST,
        chosen=f"{{matchLabels: {{opsctl.dev/environment: {directory.environment}}}}}",
        there=f"{{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}",
        rooms=" ".join(rooms),
    )
