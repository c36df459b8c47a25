"""What looks at nodes, and who asks the cluster where members are: namespaces, rights, doors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import pytest
from test_kubernetes_manifests import target
from test_monitoring_services import ROUTED, in_cluster, spec

from cluster_edge import Edge, Reply, Request, refused
from opsctl.errors import SpecError
from opsctl.planning.observation import Observation
from opsctl.planning.resource import Resource
from opsctl.ports import Fence, Work
from opsctl.targets.kubernetes.agents import site_of_agents
from opsctl.targets.kubernetes.clock import Clock
from opsctl.targets.kubernetes.doors import PodDoors
from opsctl.targets.kubernetes.namespace import ensure
from opsctl.targets.kubernetes.observing import joined
from opsctl.targets.kubernetes.rbac import roles
from opsctl.targets.kubernetes.reaching import Reach
from opsctl.targets.kubernetes.seats import Rooms, seats
from opsctl.targets.kubernetes.site import Payload, Site
from opsctl.workload import Seat, SeatNeed

HOME, NODES = "prod/shop", "prod/shop-opsctl-nodes"
FENCE = Fence(1, "me")


def realised(*services: str) -> dict[str, Resource]:
    """Of these services, or of all; by "where kind name"."""
    environment = spec(**ROUTED)
    work = in_cluster(environment, {})
    mine = tuple(work[name] for name in services or work)
    found = target().realise(mine, environment.services)
    return {f"{one.id.where} {one.id.kind} {one.id.name}": one for one in found}


def body(resource: Resource) -> dict[str, Any]:
    assert isinstance(resource.payload, Payload)
    return resource.payload.manifest


def test_what_looks_at_nodes_is_alone_in_a_namespace_that_lets_it() -> None:
    found = realised()
    beside = [name for name in found if name.startswith(f"{NODES} ")]
    assert beside == [
        f"{NODES} Service hosts-dc-host",
        f"{NODES} ConfigMap hosts-dc-host",
        f"{NODES} Secret hosts-dc-host",
        f"{NODES} DaemonSet hosts-dc-host",
        f"{NODES} Role metrics-dc-collector",
        f"{NODES} RoleBinding metrics-dc-collector",
    ]
    pod = body(found[f"{NODES} DaemonSet hosts-dc-host"])["spec"]["template"]["spec"]
    assert (pod["hostNetwork"], pod["hostPID"]) == (True, True)
    assert pod["tolerations"] == [{"operator": "Exists"}]
    (mounted,) = (one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "node")
    assert mounted["readOnly"]
    for name, one in found.items():
        if name.startswith(f"{HOME} ") and "template" in body(one).get("spec", {}):
            inside = body(one)["spec"]["template"]["spec"]
            assert "hostNetwork" not in inside, name
            assert not any("hostPath" in volume for volume in inside["volumes"]), name


def test_who_collects_may_look_at_pods_of_both_namespaces_and_nobody_else_has_an_account() -> None:
    found = realised()
    for where in (HOME, NODES):
        role = body(found[f"{where} Role metrics-dc-collector"])
        assert role["rules"] == [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
        ]
        (subject,) = body(found[f"{where} RoleBinding metrics-dc-collector"])["subjects"]
        assert subject["namespace"] == "shop"
    accounts = {
        name: body(one)["spec"]["template"]["spec"].get("serviceAccountName")
        for name, one in found.items()
        if "template" in body(one).get("spec", {})
    }
    assert {name for name, said in accounts.items() if said} == {
        f"{HOME} StatefulSet metrics-dc-{n}" for n in (0, 1)
    }


def test_nothing_is_beside_where_nothing_looks_at_nodes() -> None:
    found = realised("sessions", "balancer-dc")
    assert not any(name.startswith(NODES) for name in found)
    assert not any(" Role " in name or " ServiceAccount " in name for name in found)


def test_collectors_are_let_in_at_ports_for_metrics_and_members_at_their_own() -> None:
    policies = {
        name.rpartition(" ")[2]: body(one)["spec"]["ingress"]
        for name, one in realised().items()
        if " NetworkPolicy " in name
    }

    def let_in(policy: str) -> set[tuple[str, int, str]]:
        return {
            (one["podSelector"]["matchLabels"]["opsctl.dev/service"], port["port"],
             port["protocol"])
            for rule in policies[policy] for one in rule.get("from", ())
            for port in rule["ports"]
        }  # fmt: skip

    assert ("metrics-dc", 9121, "TCP") in let_in("sessions-server")
    assert ("metrics-dc", 8404, "TCP") in let_in("balancer-dc-balancer")
    assert ("metrics-dc", 9093, "TCP") in let_in("alerts-dc-teller")
    assert ("alerts-dc", 9094, "TCP") in let_in("alerts-dc-teller")
    assert ("metrics-dc", 9094, "TCP") not in let_in("alerts-dc-teller")


def test_what_changes_its_host_is_refused_in_a_cluster() -> None:
    with pytest.raises(SpecError, match="see to themselves"):
        seats("time", (SeatNeed("host", 0, every=True),))


def test_the_role_for_monitoring_gives_away_no_right_that_it_does_not_have() -> None:
    printed = [one for one in roles("shop") if one["metadata"]["name"] == "opsctl-monitoring"]
    spaces = [one["metadata"]["namespace"] for one in printed]
    assert spaces == ["shop", "shop-opsctl-nodes"]
    for one in printed:
        pods = [rule["verbs"] for rule in one["rules"] if rule["resources"] == ["pods"]]
        assert {"get", "list", "watch"} <= {verb for verbs in pods for verb in verbs}


def allowed(name: str) -> Callable[[Request], Reply]:
    """A server that has nothing and lets an account do what the printed roles of that name say."""

    def may(one: dict[str, Any], request: Request) -> bool:
        group, plural, space = place_of(request.path)
        return one["metadata"].get("namespace", space) == space and any(
            group in rule["apiGroups"] and plural in rule["resources"] and "list" in rule["verbs"]
            for rule in one["rules"]
        )

    def reply(request: Request) -> Reply:
        if request.verb != "GET" or request.path == "/version":
            return 200, {}
        if not any(may(one, request) for one in roles("shop") if one["metadata"]["name"] == name):
            _, plural, space = place_of(request.path)
            words = f'User "ann" cannot list resource "{plural}" in the namespace "{space}"'
            return refused(403, words, "Forbidden")
        whole = request.path.rpartition("/")[2] == place_of(request.path)[1]
        return (200, {"items": []}) if whole else refused(404, "not found", "NotFound")

    return reply


def place_of(path: str) -> tuple[str, str, str]:
    """A path's group, resource and namespace."""
    parts = path.split("/")[1:]
    group, rest = (parts[1], parts[3:]) if parts[0] == "apis" else ("", parts[2:])
    if rest[0] == "namespaces" and len(rest) > 2:
        return group, rest[2], rest[1]
    return group, rest[0], ""


def seen_by(reply: Callable[[Request], Reply], resources: Iterable[Resource]) -> Observation:
    place, edge = target(), Edge(reply)
    for reach in (place.reach, place.reach_agents):
        reach.api = edge.api(reach.site.namespace)
    place._clock = Clock(edge.api())
    return place.observe(tuple(resources), ())


def test_the_role_for_looking_looks_at_monitoring_in_both_namespaces() -> None:
    found = seen_by(allowed("opsctl-plan"), realised().values())
    assert found.unreachable == {}
    assert {name.where for name in found.actual} == {HOME, NODES}


def test_what_a_broken_removal_left_beside_is_still_seen_when_nothing_is_wanted_there() -> None:
    """Its DaemonSet goes first, and a node that is gone holds up the rest."""
    left = realised()[f"{NODES} Secret hosts-dc-host"]
    metadata = {**body(left)["metadata"], "uid": "1"}
    everything = allowed("opsctl-plan")

    def reply(request: Request) -> Reply:
        if request.path == "/api/v1/namespaces/shop-opsctl-nodes":
            return 200, {"metadata": {"name": "shop-opsctl-nodes"}}
        if request.path == "/api/v1/namespaces/shop-opsctl-nodes/secrets":
            return 200, {"items": [{"metadata": metadata}]}
        return everything(request)

    found = seen_by(reply, ())
    assert [one.id for one in found.owned] == [left.id]


def test_where_no_namespace_is_beside_nothing_in_it_is_asked_for() -> None:
    seen: list[str] = []
    everything = allowed("opsctl-plan")

    def reply(request: Request) -> Reply:
        seen.append(request.path)
        return everything(request)

    assert seen_by(reply, ()).unreachable == {}
    beside = [path for path in seen if "opsctl-nodes" in path]
    assert beside == ["/api/v1/namespaces/shop-opsctl-nodes"]


class Made:
    """An API server that lacks the namespace."""

    manifest: dict[str, Any]

    def get(self, path: str) -> None:
        """There is none."""

    def create(self, path: str, manifest: dict[str, Any]) -> None:
        self.manifest = manifest


def test_the_namespace_beside_is_made_with_a_pod_security_of_its_own() -> None:
    api, site = Made(), Site("prod", "shop", "shop", target()._site.options)
    for one, level in ((site, "restricted"), (site_of_agents(site), "privileged")):
        assert ensure(cast("Any", api), one)
        assert api.manifest["metadata"]["name"] == one.namespace
        assert api.manifest["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == level


class Room:
    """A namespace whose doors tell who came."""

    def __init__(self, namespace: str) -> None:
        self.site = Site("prod", "shop", namespace, target()._site.options)

    def log_lines(self, places: Sequence[tuple[Seat, str]], since: float) -> tuple[str, ...]:
        return tuple(f"{self.site.namespace}: {seat.member}" for seat, _ in places)

    def located(self, wanted: Sequence[Seat]) -> tuple[Seat, ...]:
        return tuple(wanted)


def test_doors_lead_into_the_namespace_of_each_member_in_the_order_they_were_asked() -> None:
    doors = PodDoors()
    doors.reach = cast("Reach", Room("shop"))
    doors.reach_agents = cast("Reach", Room("shop-opsctl-nodes"))
    rooms = Rooms("shop", "shop-opsctl-nodes")
    need = SeatNeed("host", 0, every=True, looks=True)
    (agent,) = seats("hosts", (need,), rooms=rooms)
    (member,) = seats("redis", (SeatNeed("server", 1),), rooms=rooms)
    asked = [(agent, "a"), (member, "b"), (agent, "c")]
    assert doors.log_lines(asked, 0.0) == (
        "shop-opsctl-nodes: hosts", "shop: redis-0", "shop-opsctl-nodes: hosts",
    )  # fmt: skip
    assert doors.located([agent, member]) == (member, agent)


def test_two_looks_are_one_and_what_opsctl_wrote_down_is_that_of_the_first() -> None:
    one = Observation(revision=7, seats={"a": ()})
    both = joined(one, Observation(revision=9, seats={"b": ()}))
    assert (both.revision, set(both.seats)) == (7, {"a", "b"})
    assert joined(one, None) is one


def test_work_goes_to_its_own_namespace() -> None:
    place, done = target(), []

    class Applied:
        def __init__(self, reach: Reach) -> None:
            self.where = reach.site.where

        def run(self, work: Sequence[Work], fence: Fence, events: Any) -> dict[str, str]:
            done.append((self.where, [one.where for one in work]))
            return {self.where: "done"}

    place._applying = Applied  # type: ignore[method-assign,assignment]
    outcomes = place.apply([Work(HOME), Work(NODES), Work(HOME)], FENCE, lambda _: None)
    assert done == [(NODES, [NODES]), (HOME, [HOME, HOME])]
    assert set(outcomes) == {HOME, NODES}
