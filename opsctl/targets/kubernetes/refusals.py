"""What the API server refuses, as errors that a person can act on. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from opsctl.errors import Exit, OpsError

_CANNOT: Final = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]*)"'
    r'(?: in API group "(?P<group>[^"]*)")?'
    r'(?: in the namespace "(?P<namespace>[^"]*)"| at the cluster scope)?'
)
_ABOUT_A_USER: Final = re.compile(r'\buser( "|=)', re.I)  # the API server's words, a kubelet's
_WEBHOOK: Final = re.compile(r'admission webhook "([^"]+)" denied the request:? ?(.*)', re.S)
_CALLED: Final = re.compile(r'failed calling webhook "([^"]+)": (.*)', re.S)
_QUOTA: Final = re.compile(r"exceeded quota: (\S+), (.*)", re.S)
# Who answers 500 with one of these has lost sight of etcd for a moment, such as while it elects.
_ELECTING: Final = re.compile(
    "etcdserver: (leader changed|no leader|request timed out|too many requests)"
)
_MANAGER: Final = re.compile(r'conflict with "([^"]+)"')

Said = Mapping[str, Any]  # the API's Status object


def status_of(body: bytes) -> Said:
    """The Status in an answer's body; {} where a proxy answered in the server's place."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "Status" else {}


def refusal(http: int, body: bytes, where: str) -> OpsError:
    """The error for an answer of 400 and above. `where` names the object or path in words."""
    said = status_of(body)
    message = str(said.get("message", "")) or body[:200].decode(errors="replace").strip()
    found = (
        _by_webhook(message, where)
        or _by_quota(message, where)
        or _by_budget(said, where)
        or _by_namespace(said, message, where)
        or _by_code(http, said, message, where)
    )
    return found or OpsError(
        "kubernetes/refused", f"the API server refused it ({http}): {message}", where=where
    )


def _by_webhook(message: str, where: str) -> OpsError | None:
    if denied := _WEBHOOK.search(message):
        return OpsError(
            "kubernetes/refused-by-webhook",
            f"the admission webhook {denied[1]} refused it: {denied[2] or 'without a reason'}",
            where=where,
            hint="its owner knows what it wants; `kubectl get "
            "validatingwebhookconfigurations,mutatingwebhookconfigurations` shows whose it is",
        )
    if called := _CALLED.search(message):
        return OpsError(
            "kubernetes/webhook-away",
            f"the admission webhook {called[1]} does not answer: {called[2]}",
            where=where,
            hint="bring it back; until then the API server lets nothing through",
        )
    return None


def _by_quota(message: str, where: str) -> OpsError | None:
    found = _QUOTA.search(message)
    if found is None:
        return None
    return OpsError(
        "kubernetes/quota",
        f"the namespace's quota {found[1]} is used up: {found[2]}",
        where=where,
        hint="ask for a larger quota, or let the spec want less memory, storage or members",
    )


def _by_budget(said: Said, where: str) -> OpsError | None:
    """An eviction that is too much. The cause names the budget, and what it needs and has."""
    found = [one for one in causes(said) if one.get("reason") == "DisruptionBudget"]
    if not found:
        return None
    words = "; ".join(str(one.get("message", "")).rstrip(".") for one in found)
    return OpsError("kubernetes/budget", words, where=where, exit=Exit.REFUSED)


def _by_namespace(said: Said, message: str, where: str) -> OpsError | None:
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes(said)):
        return terminating(where)
    if "violates PodSecurity" in message:
        return OpsError(
            "kubernetes/pod-security",
            f"the namespace's Pod Security refuses the pod: {message}",
            where=where,
            hint="this is a defect of opsctl, or of another admission plugin's changes",
        )
    details = said.get("details") or {}
    if said.get("reason") == "NotFound" and details.get("kind") == "namespaces":
        return OpsError(
            "kubernetes/no-namespace",
            f"there is no namespace {details.get('name')}",
            where=where,
            hint="opsctl apply makes it; who may not: kubectl create namespace",
        )
    return None


def terminating(where: str) -> OpsError:
    """Nothing can be made in a namespace that is on its way out."""
    return OpsError(
        "kubernetes/terminating",
        "the namespace is being deleted, and takes nothing new",
        where=where,
        hint="wait until it is gone (kubectl get namespace), then apply again; "
        "what hangs in it: kubectl describe namespace",
        exit=Exit.REFUSED,
    )


def _by_code(http: int, said: Said, message: str, where: str) -> OpsError | None:
    if http == 401:
        return OpsError(
            "kubernetes/unauthorized",
            "the API server does not know these credentials",
            where=where,
            hint="log in to the cluster again; kubectl auth whoami",
            exit=Exit.UNOBSERVED,
        )
    if http == 403:
        return _forbidden(said, message, where)
    if http == 409:
        return _conflict(said, message, where)
    if http == 422:
        return _invalid(said, message, where)
    if http in (429, 502, 503, 504) or _passes(said, message):
        return away(f"it answered {http}: {message}", where)
    return None


def _passes(said: Said, message: str) -> bool:
    return said.get("reason") == "ServerTimeout" or bool(_ELECTING.match(message))


def not_it(http: int, where: str) -> OpsError:
    """A proxy's page instead of an answer, such as one to log in at."""
    return away(f"something else answered in its place (HTTP {http}, not the API's JSON)", where)


def _forbidden(said: Said, message: str, where: str) -> OpsError:
    found = _CANNOT.search(message)
    if said and found is None and not _ABOUT_A_USER.search(message):
        return OpsError(
            "kubernetes/not-admitted",
            f"an admission plugin of the cluster refused it: {message}",
            where=where,
            hint="kubectl get limitranges,storageclasses shows what most of them go by",
            exit=Exit.REFUSED,
        )
    if found is None:
        return OpsError("kubernetes/forbidden", message, where=where, exit=Exit.REFUSED)
    user, verb, resource = found["user"], found["verb"], found["resource"]
    namespace = found["namespace"]
    place = f"in the namespace {namespace}" if namespace else "in the whole cluster"
    return OpsError(
        "kubernetes/forbidden",
        f"{user} may not {verb} {resource} {place}",
        where=where,
        hint=f"add to a {'Role' if namespace else 'ClusterRole'} of {user}: "
        + rule(found["group"] or "", resource, verb)
        + "; all rules: opsctl render rbac",
        exit=Exit.REFUSED,
    )


def rule(group: str, resource: str, verb: str) -> str:
    """An RBAC rule on one line."""
    return f'{{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}'


def _conflict(said: Said, message: str, where: str) -> OpsError:
    clashes = [one for one in causes(said) if one.get("reason") == "FieldManagerConflict"]
    if clashes:
        return _clash(clashes, where)
    if said.get("reason") == "AlreadyExists":
        return OpsError("kubernetes/exists", message, where=where, exit=Exit.REFUSED)
    return OpsError(
        "kubernetes/changed-meanwhile",
        f"somebody changed it at the same moment: {message}",
        where=where,
        hint="apply again",
    )


def _clash(clashes: list[Said], where: str) -> OpsError:
    fields: dict[str, list[str]] = {}
    for one in clashes:
        found = _MANAGER.search(str(one.get("message", "")))
        fields.setdefault(found[1] if found else "another", []).append(str(one.get("field", "")))
    words = "; ".join(f"{who} has set {', '.join(mine)}" for who, mine in sorted(fields.items()))
    return OpsError(
        "kubernetes/conflict",
        f"fields that opsctl wants belong to others: {words}",
        where=where,
        hint="let them give the fields up, or take them over: opsctl apply --force-conflicts",
        exit=Exit.REFUSED,
    )


def _invalid(said: Said, message: str, where: str) -> OpsError:
    fixed = [one for one in causes(said) if is_immutable(str(one.get("message", "")))]
    if fixed or is_immutable(message):
        fields = ", ".join(dict.fromkeys(str(one.get("field", "")) for one in fixed))
        return OpsError(
            "kubernetes/immutable",
            f"the cluster lets nobody change {fields or 'this'} of an object that is there: "
            + message,
            where=where,
            hint=f"{_way_out(said)}, or take the change out of the spec",
            exit=Exit.REFUSED,
        )
    return OpsError(
        "kubernetes/invalid", f"the API server finds it invalid: {message}", where=where
    )


def _way_out(said: Said) -> str:
    details = said.get("details") or {}
    if str(details.get("kind", "")).lower().startswith("statefulset"):
        return (
            f"kubectl -n NAMESPACE delete statefulset {details.get('name')} --cascade=orphan, then "
            "apply again: its pod runs on, its claims stay as they are"
        )
    return "take the service down and apply again (opsctl destroy SERVICE; its data stays)"


def is_immutable(message: str) -> bool:
    """Whether the server says that a field can't change any more, in any of its ways."""
    words = ("immutable", "may not change once set", "updates to statefulset spec for fields")
    return any(one in message for one in words)


def away(reason: str, where: str) -> OpsError:
    """The API server can't be reached, or not now."""
    return OpsError(
        "kubernetes/unreachable",
        f"the API server can't be reached: {reason}",
        where=where,
        hint="kubectl cluster-info; then go on with opsctl apply --resume",
        exit=Exit.UNOBSERVED,
    )


def causes(said: Said) -> list[Said]:
    """What the Status gives as causes."""
    return list((said.get("details") or {}).get("causes") or [])
