"""Members beside their clients: routes and their balancers in a cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from test_kubernetes_manifests import manifest, target
from test_kubernetes_render import Pod

from kubernetes_schema import mistakes
from opsctl.data import renderer
from opsctl.discovery import engines
from opsctl.errors import OpsError, SpecError
from opsctl.planning.resource import Impact, Resource
from opsctl.routes import directory
from opsctl.targets.kubernetes import KubernetesTarget
from opsctl.targets.kubernetes.puts import Told, telling
from opsctl.targets.kubernetes.render import manifest_files
from opsctl.targets.kubernetes.resources import POD, TAKEN
from opsctl.targets.kubernetes.seats import near_name, seats_near
from opsctl.targets.kubernetes.site import Payload, Running
from opsctl.workload import Port, Seat, SeatNeed, Workload, in_order
from routes_world import environment
from toy import Keys, options

NEED = SeatNeed("balancer", 2, {"status": 8404}, near_clients=True)
ROUTES = {
    "sessions": {"to": "sessions"},
    "read": {"to": "sessions", "role": "replica", "vip": "10.0.0.9", "port": 6379},
    "low": {"to": "sessions", "role": "any", "port": 80},
    "status": {"to": "sessions", "role": "any", "port": 8404},
}
NODES = ("n1", "n2")
Found = dict[tuple[str, str], Resource]


def described(
    place: KubernetesTarget, routes: Mapping[str, Any], nodes: tuple[str, ...] = NODES
) -> dict[str, Workload]:
    spec = environment(
        routes,
        {"sessions": {"engine": "redis", "on": "prod", "replicas": 3},
         "edge": {"engine": "haproxy", "on": "prod"}},
        targets={"prod": {"kubernetes": {}}},
    )  # fmt: skip
    known = engines()
    needs = {name: (one, known[one.engine].needs(one)) for name, one in spec.services.items()}
    there = place.seat(needs, {"edge": seats_near("edge", NEED, nodes)})
    found: dict[str, Workload] = {}
    for name in in_order(spec.services, known, spec):
        service, engine = spec.services[name], known[spec.services[name].engine]
        lanes = directory(spec, name, found)
        render = renderer(engine.templates)
        found[name] = engine.describe(name, service, there[name], render, lanes)
    return found


def realise(
    routes: Mapping[str, Any] | None = None,
    place: KubernetesTarget | None = None,
    nodes: tuple[str, ...] = NODES,
) -> Found:
    place = place or target()
    work = described(place, routes or ROUTES, nodes)
    services = environment(ROUTES).services
    found = place.realise(tuple(work.values()), services)
    return {(one.id.kind, one.id.name): one for one in found}


def only(found: Found, kind: str) -> list[str]:
    return [name for one, name in found if one == kind and name.startswith("edge")]


# Seats


def test_one_sits_on_each_node_and_until_any_is_known_one_stands_for_all() -> None:
    seats = seats_near("edge", NEED, ["n2", "n1", "n2"])
    assert [(seat.member, seat.node) for seat in seats] == [("edge-n1", "n1"), ("edge-n2", "n2")]
    assert [(seat.member, seat.node) for seat in seats_near("edge", NEED, [])] == [("edge", "")]


def test_a_member_is_a_label_of_its_own_whatever_its_node_is_called() -> None:
    names = ["a.b", "a.c", "a", "a-b", "x" * 253, f"{'x' * 252}y", f"{'x' * 57}-y", "n-12"]
    members = [near_name("edge", name) for name in names]
    assert len(set(members)) == len(names)
    assert max(map(len, members)) == 63
    assert all(name.replace("-", "").isalnum() and name[-1] != "-" for name in members)
    assert members == [near_name("edge", name) for name in names]


def test_ordinals_are_of_members_that_are_counted() -> None:
    (near,) = seats_near("edge", NEED, ["n-12"])
    assert near.ordinal == 0
    assert replace(near, member="edge-12", near_clients=False).ordinal == 12


def test_seats_are_on_the_nodes_where_members_were_seen() -> None:
    place = target()
    need = {"edge": (options(), (NEED,))}
    first = place.seat(need, {})["edge"]
    assert [seat.node for seat in first] == [""]
    seen = {"edge": (*first, *seats_near("edge", NEED, NODES))}
    assert [seat.node for seat in place.seat(need, seen)["edge"]] == ["n1", "n2"]


def test_a_member_beside_its_clients_has_no_address_of_its_own() -> None:
    (near,) = seats_near("edge", NEED, ["n1"])
    assert target().address(near) == ""
    assert target().address(replace(near, near_clients=False)) == "edge-n1.shop.svc"


# Objects


def test_a_group_is_one_daemon_set_with_one_of_each_object() -> None:
    found = realise()
    assert [kind for kind, name in found if name == "edge-balancer"] == [
        "Service", "NetworkPolicy", "ConfigMap", "Secret", "DaemonSet",
    ]  # fmt: skip
    assert only(found, "StatefulSet") == only(found, "PodDisruptionBudget") == []
    for one in found.values():
        if isinstance(one.payload, Payload):
            assert mistakes(one.payload.manifest) == [], one.id


def test_each_route_has_a_service_for_clients_on_the_same_node() -> None:
    found = realise()
    spec = manifest(found, "DaemonSet", "edge-balancer")["spec"]
    labels = spec["template"]["metadata"]["labels"]
    for name, route in ROUTES.items():
        service = manifest(found, "Service", name)["spec"]
        assert service["internalTrafficPolicy"] == "Local"
        assert service["ports"][0]["port"] == route.get("port", 6379)
        assert service["selector"].items() <= labels.items()


def test_balancers_listen_where_a_process_without_privileges_may_and_never_twice() -> None:
    found = realise()
    inside = {
        name: manifest(found, "Service", name)["spec"]["ports"][0]["targetPort"] for name in ROUTES
    }
    assert inside == {"sessions": 6379, "read": 6380, "low": 10080, "status": 8405}
    payload = found["Secret", "edge-balancer"].payload
    assert isinstance(payload, Payload)
    for name, port in inside.items():
        text = payload.masked["haproxy.cfg"]
        assert f"frontend {name}\n    bind @OWN@:{port},127.0.0.1:{port}\n" in text


def test_pods_run_on_every_node_that_clients_may_be_on() -> None:
    found = realise(place=target(node_selector={"disk": "nvme"}))
    template = manifest(found, "DaemonSet", "edge-balancer")["spec"]["template"]["spec"]
    assert template["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert "affinity" not in template
    own = template["containers"][0]["env"][0]
    assert own["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"


def test_a_floating_address_is_passed_over_and_clients_have_the_services_name() -> None:
    work = described(target(), ROUTES)
    assert work["edge"].leads is not None
    doors = [lead.doors(["10.1.0.1"]) for lead in work["edge"].leads({})]
    assert doors == [
        ("sessions.shop.svc:6379",),
        ("read.shop.svc:6379",),
        ("low.shop.svc:80",),
        ("status.shop.svc:8404",),
    ]
    assert {part.name for member in work["edge"].members() for part in member.components} == {
        "haproxy"
    }


def test_a_route_named_as_another_object_is_refused() -> None:
    with pytest.raises(OpsError) as error:
        realise({"sessions-0": {"to": "sessions"}})
    assert error.value.code == "kubernetes/name-taken"
    with pytest.raises(SpecError) as refused:
        realise({"1st": {"to": "sessions"}})
    assert refused.value.code == "kubernetes/bad-name"


def test_balancers_come_to_the_ports_of_members_that_they_ask() -> None:
    place = target()
    work = described(place, ROUTES)
    group = work["sessions"].groups[0]
    hidden = tuple(
        replace(member, components=tuple(
            replace(part, ports=tuple(replace(port, audience="members") for port in part.ports))
            for part in member.components
        ))
        for member in group.members
    )  # fmt: skip
    work["sessions"] = replace(work["sessions"], groups=(replace(group, members=hidden),))
    found = place.realise(tuple(work.values()), environment(ROUTES).services)
    rules = next(
        one.payload.manifest["spec"]["ingress"]
        for one in found
        if one.id.name == "sessions-server" and one.id.kind == "NetworkPolicy"
        and isinstance(one.payload, Payload)
    )  # fmt: skip
    callers = {
        rule["from"][0]["podSelector"]["matchLabels"]["opsctl.dev/service"]: [
            port["port"] for port in rule["ports"]
        ]
        for rule in rules
    }
    assert callers == {"sessions": [6379, 26379], "edge": [6379, 26379]}


# What a change costs


def test_every_pod_says_for_itself_what_it_should_have() -> None:
    found = realise()
    assert only(found, "Pod") == ["edge-n1", "edge-n2"]
    assert only(realise(nodes=()), "Pod") == []
    one, other = found["Pod", "edge-n1"], found["Pod", "edge-n2"]
    assert one.desired == other.desired
    assert (one.member, other.member) == ("edge-n1", "edge-n2")
    assert isinstance(one.payload, Running)
    assert (one.payload.daemon_set, one.payload.node) == ("edge-balancer", "n1")
    for kind in ("ConfigMap", "Secret", "DaemonSet"):
        assert found[kind, "edge-balancer"].member == ""


def test_the_component_whose_role_counts_is_the_one_with_the_data() -> None:
    assert realise()["StatefulSet", "sessions-0"].component == "redis"


def test_a_route_more_is_a_reload() -> None:
    before = realise()["Pod", "edge-n1"]
    after = realise({**ROUTES, "more": {"to": "sessions", "port": 7777}})["Pod", "edge-n1"]
    changed = {name for name, value in after.desired.items() if before.desired[name] != value}
    assert TAKEN in changed
    assert POD not in changed
    assert max(after.impact[name] for name in changed) is Impact.RELOAD


def test_a_rotated_password_is_a_reload_and_unknown_without_the_key() -> None:
    before = realise()["Pod", "edge-n1"]
    rotated = realise(place=target(Keys(salt="rotated")))["Pod", "edge-n1"]
    assert before.desired[TAKEN] != rotated.desired[TAKEN]
    assert before.desired[POD] == rotated.desired[POD]
    assert realise(place=target(Keys(key=None)))["Pod", "edge-n1"].desired[TAKEN] is None


def test_no_value_of_a_secret_is_shown() -> None:
    found = realise()
    assert not any("TOP-SECRET" in repr((one, one.payload)) for one in found.values())
    assert not any("TOP-SECRET" in text for text in manifest_files(tuple(found.values())).values())
    assert not any("/pod-" in name for name in manifest_files(tuple(found.values())))


def test_members_that_are_not_alike_or_keep_data_are_refused() -> None:
    place = target()
    work = described(place, ROUTES)
    group = work["edge"].groups[0]
    first, second = group.members
    odd = replace(
        second,
        components=(replace(second.components[0], ports=(Port("odd", 7000),)),),
    )
    work["edge"] = replace(work["edge"], groups=(replace(group, members=(first, odd)),))
    with pytest.raises(OpsError, match="not-alike"):
        place.realise(tuple(work.values()), environment(ROUTES).services)


# What a running pod takes in


@cache
def told() -> tuple[Told, ...]:
    place, keys = target(), Keys()
    payload = realise(place=place)["Pod", "edge-n1"].payload
    assert isinstance(payload, Running)
    found = telling(place._site, payload.puts, keys)
    assert found is not None
    assert telling(place._site, payload.puts, Keys(key=None)) is None
    return found


def test_a_reload_comes_last_behind_every_file_that_it_reads() -> None:
    words = [one.argv for one in told()]
    assert words[-1] == ("sh", "/etc/opsctl/reload.sh")
    paths = [argv[5] for argv in words[:-1]]
    assert paths[-1] == "/etc/opsctl/haproxy.cfg"
    assert "/etc/opsctl/unasked.state" in paths
    assert words[-2][6:] == ("haproxy", "-c", "-f", "/etc/opsctl/haproxy.cfg.opsctl-new")


def test_secrets_come_on_standard_input_and_are_not_shown() -> None:
    found = told()
    assert any("TOP-SECRET" in one.stdin for one in found)
    assert not any("TOP-SECRET" in repr(one) for one in found)


def put(pod: Pod, argv: tuple[str, ...], stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=False,
        env={"PATH": f"{pod.bin}:/usr/bin:/bin", "OPSCTL_OWN": "10.1.0.7"},
    )  # fmt: skip


def test_a_file_is_put_in_place_with_addresses_as_at_the_start(tmp_path: Path) -> None:
    pod, path = Pod(tmp_path), tmp_path / "etc" / "toy.conf"
    script = told()[0].argv[2]
    content = "sessions-0 sessions-0.shop.svc\n\nme @OWN@\nfirst @ADDRESS:sessions-0@\n\nend"
    done = put(pod, ("sh", "-c", script, "put", "0640", str(path)), content)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_text() == "me 10.1.0.7\nfirst 10.96.0.7\n\nend"
    assert path.stat().st_mode & 0o777 == 0o640
    refused = ("sh", "-c", script, "put", "0640", str(path), "sh", "-c", "echo no; exit 1")
    done = put(pod, refused, "\nother")
    assert (done.returncode, done.stderr) == (3, "no\n")
    assert path.read_text().endswith("end")
    assert [one.name for one in path.parent.iterdir()] == ["toy.conf"]


def test_the_seat_of_all_pods_asks_nothing_that_differs() -> None:
    (pool,) = [described(target(), ROUTES)["edge"]]
    seats: list[Seat] = [member.seat for member in pool.members()]
    assert len({(seat.config_dir, seat.run_dir) for seat in seats}) == 1
    first, second = pool.members()
    assert first.components is second.components
