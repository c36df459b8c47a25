"""What an account must be allowed to do: all of it in one table, printed, tested and reviewed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opsctl.targets.kubernetes.agents import beside
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.site import Manifest

_READ: Final = ("get", "list")
_WRITE: Final = (*_READ, "create", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a Role."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]

    @property
    def manifest(self) -> Manifest:
        return {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            "verbs": list(self.verbs),
        }


_OURS: Final = (
    ("", ("configmaps", "secrets", "services")),
    ("apps", ("daemonsets", "statefulsets")),
    ("batch", ("cronjobs",)),
    ("networking.k8s.io", ("networkpolicies",)),
    ("policy", ("poddisruptionbudgets",)),
)

# What lets those who collect metrics ask where members are.
_FINDING: Final = (
    ("", ("serviceaccounts",)),
    ("rbac.authorization.k8s.io", ("roles", "rolebindings")),
)

# To look: `opsctl plan`, `drift`, `status`, `history`. Asking servers how they stand runs programs
# in their pods, and so do logs and connections.
PLAN: Final = (
    *(Rule(group, names, _READ) for group, names in (*_OURS, *_FINDING)),
    Rule("", ("persistentvolumeclaims", "pods", "resourcequotas", "events"), _READ),
    Rule("", ("pods/log",), ("get",)),
    Rule("", ("pods/exec", "pods/portforward"), ("create", "get")),
    Rule("coordination.k8s.io", ("leases",), _READ),
)
APPLY: Final = (
    *(Rule(group, names, _WRITE) for group, names in _OURS),
    Rule("", ("persistentvolumeclaims",), _WRITE),
    Rule("", ("pods",), (*_READ, "patch", "delete")),
    Rule("", ("resourcequotas", "events"), _READ),
    Rule("", ("pods/log",), ("get",)),
    Rule("", ("pods/exec", "pods/portforward"), ("create", "get")),
    Rule("batch", ("jobs",), (*_READ, "create", "delete")),
    Rule("coordination.k8s.io", ("leases",), (*_READ, "create", "update")),
)
# To drill, in the agents' namespace. Agents may do everything on their nodes, and so may who has
# this.
DRILL: Final = (
    Rule("batch", ("jobs",), (*_READ, "create")),
    Rule("", ("pods",), _READ),
    Rule("", ("pods/exec",), ("create", "get")),
)
# And in the environment's own: what a drain does.
EVICT: Final = (Rule("", ("pods/eviction",), ("create",)),)
# For who applies `monitoring:`. What collects metrics asks the cluster which members are where, and
# nobody gives away a right that he does not have himself.
MONITORING: Final = (
    *(Rule(group, names, _WRITE) for group, names in _FINDING),
    Rule("", ("pods",), (*_READ, "watch")),
)
# Of the whole cluster. Without them opsctl works, and says less beforehand; without `create` the
# namespace must be there.
CLUSTER_PLAN: Final = (
    Rule("", ("namespaces", "nodes"), _READ),
    Rule("storage.k8s.io", ("storageclasses",), _READ),
)
CLUSTER_APPLY: Final = (
    Rule("", ("namespaces",), (*_READ, "create")),
    Rule("", ("nodes",), _READ),
    Rule("storage.k8s.io", ("storageclasses",), _READ),
)


def roles(namespace: str) -> tuple[Manifest, ...]:
    """A Role and a ClusterRole for who applies, and the same for who only looks, also at what looks
    at nodes; and the Roles that who drills, and who applies monitoring, has besides."""
    return (
        _role("opsctl-apply", APPLY, namespace),
        _role("opsctl-apply", CLUSTER_APPLY),
        _role("opsctl-plan", PLAN, namespace),
        _role("opsctl-plan", PLAN, beside(namespace)),
        _role("opsctl-plan", CLUSTER_PLAN),
        _role("opsctl-drill", DRILL, beside(namespace)),
        _role("opsctl-drill", EVICT, namespace),
        _role("opsctl-monitoring", MONITORING, namespace),
        _role("opsctl-monitoring", (*APPLY, *MONITORING), beside(namespace)),
    )


def _role(name: str, rules: Sequence[Rule], namespace: str = "") -> Manifest:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": metadata,
        "rules": [rule.manifest for rule in rules],
    }


def review(api: Api, wanted: Sequence[Rule]) -> tuple[str, ...]:
    """What of `wanted` this account may not do in the namespace, as "verb resource"."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": api.namespace},
    }
    status = api.create(path, body).get("status") or {}
    if status.get("incomplete"):  # an authorizer that can't list its rules, such as a webhook
        return ()
    return tuple(_lacking(wanted, status.get("resourceRules") or ()))


def _lacking(wanted: Sequence[Rule], given: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for rule in wanted:
        for resource in rule.resources:
            for verb in rule.verbs:
                if not any(_allows(one, rule.group, resource, verb) for one in given):
                    group = f".{rule.group}" if rule.group else ""
                    yield f"{verb} {resource}{group}"


def _allows(given: Mapping[str, Any], group: str, resource: str, verb: str) -> bool:
    if given.get("resourceNames"):
        return False
    names = given.get("resources") or ()
    parts = {"*", resource, f"*/{resource.partition('/')[2]}" if "/" in resource else resource}
    return (
        bool({"*", group} & set(given.get("apiGroups") or ()))
        and bool(parts & set(names))
        and bool({"*", verb} & set(given.get("verbs") or ()))
    )
