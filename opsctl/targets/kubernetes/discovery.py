"""What lets a group's pods ask the cluster which members are where, and nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.targets.kubernetes.site import Manifest, Site, group_labels, group_name
from opsctl.workload import Group, Workload

_API = "rbac.authorization.k8s.io"


def account(site: Site, workload: Workload, group: Group) -> Manifest:
    """The account. Its token is mounted by pods that say so, and by no others."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": site.metadata(group_name(workload, group), group_labels(site, workload, group)),
        "automountServiceAccountToken": False,
    }


def looks(site: Site, home: Site, workload: Workload, group: Group) -> Iterator[Manifest]:
    """What lets the account of `home` look at pods of `site`."""
    name, labels = group_name(workload, group), group_labels(site, workload, group)
    yield {
        "apiVersion": f"{_API}/v1",
        "kind": "Role",
        "metadata": site.metadata(name, labels),
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
    }
    yield {
        "apiVersion": f"{_API}/v1",
        "kind": "RoleBinding",
        "metadata": site.metadata(name, labels),
        "roleRef": {"apiGroup": _API, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": home.namespace}],
    }
