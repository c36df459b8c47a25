"""The builders of the Kubernetes target: what every object says."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest

from kubernetes_schema import mistakes
from opsctl.errors import OpsError, SpecError
from opsctl.model import Kubernetes, Toleration
from opsctl.planning.resource import Impact, Resource
from opsctl.ports.target import Target
from opsctl.targets.kubernetes import KubernetesTarget
from opsctl.targets.kubernetes.fingerprints import fill
from opsctl.targets.kubernetes.site import STARTED_WITH, Payload, Site
from opsctl.workload import (
    AddressRef,
    Cert,
    CertRef,
    Command,
    ConfigFile,
    FileRef,
    Port,
    SeatNeed,
    Software,
    Text,
    Volume,
    Workload,
)
from toy import NEEDS, Keys, options, with_server, workload

Found = dict[tuple[str, str], Resource]
Effect = Literal["none", "reload", "restart"]


def target(keys: Keys | None = None, **chosen: Any) -> KubernetesTarget:
    Kubernetes.model_rebuild()
    return KubernetesTarget("prod", Kubernetes(**chosen), "shop", keys or Keys())


def work(place: KubernetesTarget) -> Workload:
    return workload(place.seat({"sessions": (options(), NEEDS)}, {})["sessions"])


def realise(
    place: KubernetesTarget | None = None,
    change: Callable[[Workload], Workload] = lambda same: same,
) -> Found:
    place = place or target()
    found = place.realise([change(work(place))], {"sessions": options()})
    return {(one.id.kind, one.id.name): one for one in found}


def manifest(found: Found, kind: str, name: str) -> Any:
    payload = found[kind, name].payload
    assert isinstance(payload, Payload)
    return payload.manifest


def pod(found: Found, member: str = "sessions-0") -> Any:
    return manifest(found, "StatefulSet", member)["spec"]["template"]["spec"]


def started_with(found: Found) -> str:
    template = manifest(found, "StatefulSet", "sessions-0")["spec"]["template"]
    return str(template["metadata"]["annotations"][STARTED_WITH])


def test_it_is_a_target() -> None:
    place: Target = target()
    assert place.name == "prod"


# Seats


def test_seats_are_named_by_ordinal_and_have_the_ports_preferred() -> None:
    seats = target().seat({"sessions": (options(), NEEDS)}, {})["sessions"]
    assert [seat.member for seat in seats] == ["sessions-0", "sessions-1", "sessions-2"]
    assert {seat.system for seat in seats} == {"image"}
    assert {tuple(seat.ports.items()) for seat in seats} == {(("toy", 7000), ("vote", 7001))}


def test_growing_one_group_renames_nobody_in_another() -> None:
    needs = (SeatNeed("servers", 2), SeatNeed("voters", 1))
    more = (SeatNeed("servers", 3), SeatNeed("voters", 1))
    before = {s.member for s in target().seat({"s": (options(), needs)}, {})["s"]}
    after = {s.member for s in target().seat({"s": (options(), more)}, {})["s"]}
    assert before == {"s-0", "s-1", "s-voters-0"}
    assert after == before | {"s-2"}


@pytest.mark.parametrize(
    ("service", "code"), [("x" * 51, "kubernetes/long-name"), ("1st", "kubernetes/bad-name")]
)
def test_names_that_a_cluster_would_refuse_are_refused_at_once(service: str, code: str) -> None:
    with pytest.raises(SpecError) as raised:
        target().seat({service: (options(), NEEDS)}, {})
    assert raised.value.code == code


# Objects


def test_what_serves_the_machines_it_sits_on_is_refused() -> None:
    with pytest.raises(SpecError) as error:
        target().seat({"time": (options(), (SeatNeed("clock", 0, every=True),))}, {})
    assert error.value.code == "kubernetes/every-node"


def test_every_member_has_its_own_objects_and_the_group_shares_the_rest() -> None:
    own = [
        (kind, f"sessions-{ordinal}")
        for ordinal in range(3)
        for kind in ("Service", "ConfigMap", "Secret", "StatefulSet")
    ]
    shared = [
        (kind, "sessions-servers") for kind in ("Service", "NetworkPolicy", "PodDisruptionBudget")
    ]
    assert list(realise()) == shared + own


def test_what_an_object_needs_is_there() -> None:
    found = realise()
    ids = {one.id for one in found.values()}
    for one in found.values():
        assert set(one.needs) <= ids, one.id
    needs = {(one.kind, one.name) for one in found["StatefulSet", "sessions-2"].needs}
    assert needs == {
        ("Service", "sessions-2"),
        ("Service", "sessions-servers"),
        ("Service", "sessions-0"),  # its address stands in the files
        ("ConfigMap", "sessions-2"),
        ("Secret", "sessions-2"),
    }


def test_every_manifest_is_what_the_api_knows() -> None:
    tolerations = (Toleration(key="only", value="toys", effect="NoSchedule"), Toleration())
    chosen = {"node_selector": {"disk": "nvme"}, "pull_secrets": ("registry",)}
    for found in (realise(), realise(target(tolerations=tolerations, **chosen))):
        for one in found.values():
            assert isinstance(one.payload, Payload)
            assert mistakes(one.payload.manifest) == [], one.id


@pytest.mark.parametrize(
    ("way", "key", "value", "said"),
    [
        (("spec",), "replica", 1, "spec.replica: V1StatefulSetSpec has no such field"),
        (("spec",), "replicas", "1", "'1' is no int"),
        (("spec", "template", "spec", "containers", 0), "imagePolicy", "", "imagePolicy"),
        (("spec", "template", "spec", "securityContext"), "runAsNonRoot", "yes", "no bool"),
        (("spec", "template", "metadata", "labels"), "a", 1, "1 is no str"),
        (("spec",), "selector", None, "V1LabelSelector"),
    ],
)
def test_the_check_of_manifests_finds_mistakes(
    way: tuple[Any, ...], key: str, value: object, said: str
) -> None:
    wrong = copy.deepcopy(manifest(realise(), "StatefulSet", "sessions-0"))
    part = wrong
    for step in way:
        part = part[step]
    part[key] = value
    assert any(said in mistake for mistake in mistakes(wrong)), mistakes(wrong)


def test_the_check_of_manifests_misses_what_is_required() -> None:
    wrong = copy.deepcopy(manifest(realise(), "StatefulSet", "sessions-0"))
    del wrong["spec"]["template"]["spec"]["containers"]
    assert any("containers: is required" in mistake for mistake in mistakes(wrong))


def test_labels_select_what_they_should() -> None:
    found = realise()
    labels = manifest(found, "StatefulSet", "sessions-1")["spec"]["template"]["metadata"]["labels"]
    own = manifest(found, "Service", "sessions-1")["spec"]["selector"]
    others = manifest(found, "Service", "sessions-0")["spec"]["selector"]
    shared = manifest(found, "Service", "sessions-servers")["spec"]["selector"]
    assert own.items() <= labels.items()
    assert not others.items() <= labels.items()
    assert shared.items() <= labels.items()


def test_members_find_each_other_before_they_are_ready() -> None:
    for name in ("sessions-servers", "sessions-0"):
        assert manifest(realise(), "Service", name)["spec"]["publishNotReadyAddresses"] is True


def test_the_budget_keeps_the_quorum_and_a_group_without_one_has_none() -> None:
    budget = manifest(realise(), "PodDisruptionBudget", "sessions-servers")
    assert budget["spec"]["minAvailable"] == 2

    def indifferent(work: Workload) -> Workload:
        return replace(work, groups=(replace(work.groups[0], quorum=0),))

    assert ("PodDisruptionBudget", "sessions-servers") not in realise(change=indifferent)


def test_only_members_reach_the_ports_of_members() -> None:
    rules = manifest(realise(), "NetworkPolicy", "sessions-servers")["spec"]["ingress"]
    by_port = {port["port"]: rule.get("from") for rule in rules for port in rule["ports"]}
    assert by_port[7000] is None
    selector = by_port[7001][0]["podSelector"]["matchLabels"]
    assert selector == {"opsctl.dev/environment": "shop", "opsctl.dev/service": "sessions"}
    assert by_port[7002] == by_port[7001]


# The pod


def test_every_container_meets_pod_security_restricted() -> None:
    spec = pod(realise())
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["automountServiceAccountToken"] is False
    containers = spec["initContainers"] + spec["containers"]
    assert len(containers) == 3
    for one in containers:
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        }
    allowed = {"projected", "emptyDir"}
    assert all(allowed & volume.keys() for volume in spec["volumes"])


def test_the_server_replaces_the_shell_after_what_comes_before_it() -> None:
    server, voter = pod(realise())["containers"]
    assert server["command"][:2] == ["sh", "-c"]
    assert server["command"][2].startswith("timeout 90 sh -c 'toy-check /etc/opsctl/toy.conf && ")
    assert server["command"][2].endswith(" && exec toy-server /etc/opsctl/toy.conf")
    assert shlex.split(server["command"][2])[:2] == ["timeout", "90"]
    assert voter["command"] == ["toy-voter", "/var/lib/opsctl/data/voter.conf"]


def test_a_program_outside_the_path_is_started_where_it_is() -> None:
    command = Command(("/usr/lib/toy/2/bin/toy",))
    found = realise(change=lambda work: with_server(work, command=command))
    assert pod(found)["containers"][0]["command"] == ["/usr/lib/toy/2/bin/toy"]


def test_stopping_hands_over_first_and_has_the_longest_grace_of_all() -> None:
    spec = pod(realise())
    stop = spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert stop == ["toy-handover"]
    assert spec["terminationGracePeriodSeconds"] == 46


def test_a_server_that_loads_its_data_is_not_taken_for_hung() -> None:
    server = pod(realise())["containers"][0]
    startup = server["startupProbe"]
    assert startup["exec"] == server["livenessProbe"]["exec"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == 690
    assert server["readinessProbe"]["failureThreshold"] == 2


def test_memory_is_bounded_as_the_engine_says() -> None:
    server, voter = pod(realise())["containers"]
    assert server["resources"]["limits"] == {"memory": "512Mi"}
    assert server["resources"]["requests"]["memory"] == "256Mi"
    assert "limits" not in voter["resources"]


def test_data_lives_in_one_claim_of_the_class_that_was_chosen() -> None:
    claims = manifest(realise(target(storage_class="fast")), "StatefulSet", "sessions-0")["spec"][
        "volumeClaimTemplates"
    ]
    assert [claim["spec"]["storageClassName"] for claim in claims] == ["fast"]
    assert claims[0]["spec"]["resources"]["requests"] == {"storage": "2Gi"}


def test_without_data_and_seeded_files_there_is_no_claim() -> None:
    def forgetful(work: Workload) -> Workload:
        bare = with_server(work, volumes=())
        group = bare.groups[0]
        members = tuple(replace(one, components=one.components[:1]) for one in group.members)
        return replace(bare, groups=(replace(group, members=members),))

    found = realise(change=forgetful)
    assert "volumeClaimTemplates" not in manifest(found, "StatefulSet", "sessions-0")["spec"]
    assert not found["StatefulSet", "sessions-0"].protected


def test_a_seeded_file_among_the_configuration_keeps_all_of_it_on_the_volume() -> None:
    seeded = ConfigFile("/etc/opsctl/toy.conf", Text(("port 7000\n",)), life="seeded")
    spec = pod(realise(change=lambda work: with_server(work, files=(seeded,))))
    mounts = {mount["mountPath"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts["/etc/opsctl"]["name"] == "data"
    assert mounts["/etc/opsctl"]["subPath"] == "config"
    assert "config" not in {volume["name"] for volume in spec["volumes"]}


@pytest.mark.parametrize(
    ("images", "image"),
    [
        ({}, "toy:2"),
        ({"toy": "registry.example/toy@sha256:abc"}, "registry.example/toy@sha256:abc"),
        ({"toy": "registry.example:5000/toy"}, "registry.example:5000/toy:2"),
        ({"toy": "a/toy:1", "toy:2": "b/toy:2.1"}, "b/toy:2.1"),
    ],
)
def test_images_are_mapped(images: dict[str, str], image: str) -> None:
    spec = pod(realise(target(images=images)))
    assert {one["image"] for one in spec["initContainers"] + spec["containers"]} == {image}


# What is refused


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"software": Software({})}, "kubernetes/no-image"),
        ({"volumes": (Volume("/data"),)}, "kubernetes/volume-path"),
        (
            {"files": (ConfigFile("/etc/opsctl/x", Text((FileRef("/etc/password"),))),)},
            "kubernetes/file-reference",
        ),
        (
            {
                "files": (
                    ConfigFile("/etc/opsctl/a_b", Text()),
                    ConfigFile("/etc/opsctl/a/b", Text()),
                )
            },
            "kubernetes/file-twice",
        ),
    ],
)
def test_what_a_pod_cannot_have_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(OpsError) as raised:
        realise(change=lambda work: with_server(work, **change))
    assert raised.value.code == code


def test_two_services_that_want_one_name_are_refused() -> None:
    place = target()
    one = work(place)
    with pytest.raises(OpsError, match="kubernetes/name-taken"):
        place.realise([one, one], {"sessions": options()})


def test_ports_of_one_name_in_two_components_are_told_apart() -> None:
    ports = (Port("vote", 7009),)
    service = manifest(
        realise(change=lambda work: with_server(work, ports=ports)), "Service", "sessions-0"
    )
    assert [port["name"] for port in service["spec"]["ports"]] == ["vote", "voter-vote"]


def test_a_restart_is_due_for_what_a_process_reads_only_when_it_starts() -> None:
    def files(work: Workload, path: str) -> Workload:
        own = work.groups[0].members[0].components[0].files
        changed = tuple(
            replace(one, text=Text((*one.text.parts, "more\n"))) if path in one.path else one
            for one in own
        )
        return with_server(work, files=changed)

    def live(work: Workload, effect: Effect) -> Workload:
        server = work.groups[0].members[0].components[0]
        own, command = server.files, replace(server.command, reload=("toy-reload",))
        return with_server(
            work,
            command=command,
            files=tuple(
                replace(one, effect=effect) if "live.conf" in one.path else one for one in own
            ),
        )

    def costs(kind: str, found: Found, than: Found) -> dict[str, Impact]:
        one, other = found[kind, "sessions-0"], than[kind, "sessions-0"]
        return {
            key: one.impact[key]
            for key, value in one.desired.items()
            if other.desired[key] != value
        }

    effects: tuple[tuple[Effect, str, Impact], ...] = (
        ("none", "files", Impact.NONE),
        ("reload", "taken", Impact.RELOAD),
        ("restart", "pod", Impact.RESTART),
    )
    for effect, attribute, impact in effects:
        before = realise(change=lambda work: live(work, effect))  # noqa: B023 - used at once
        after = realise(change=lambda work: files(live(work, effect), "live.conf"))  # noqa: B023
        assert (started_with(before) != started_with(after)) is (effect == "restart")
        assert costs("ConfigMap", after, before) == {"live.conf": impact}
        assert costs("StatefulSet", after, before) == {attribute: impact}


def test_a_secret_that_rotates_shows_where_it_is_kept_and_where_it_was_read() -> None:
    before, after = realise(), realise(target(Keys(salt="rotated")))
    changed = {
        (key, attribute)
        for key, one in after.items()
        for attribute, value in one.desired.items()
        if before[key].desired[attribute] != value
    }
    members = [f"sessions-{ordinal}" for ordinal in range(3)]
    assert changed == {
        *((("StatefulSet", member), "secrets") for member in members),
        *((("Secret", member), "users.acl") for member in members),
        *((("Secret", member), "var_lib_opsctl_data_voter.conf") for member in members),
    }
    assert after["Secret", "sessions-0"].impact == {"users.acl": Impact.RESTART}


def test_without_the_key_only_what_holds_a_secret_is_unknown() -> None:
    known, unknown = realise(), realise(target(Keys(key=None)))
    assert [key for key in known if known[key].text != unknown[key].text] == []
    differing = {
        attribute
        for key, one in unknown.items()
        for attribute, value in one.desired.items()
        if known[key].desired[attribute] != value and value is None
    }
    assert differing == {"users.acl", "var_lib_opsctl_data_voter.conf", "secrets"}


def test_no_value_of_a_secret_is_in_any_resource() -> None:
    for one in realise().values():
        assert isinstance(one.payload, Payload)
        shown = repr((one, one.payload.manifest, one.payload.masked))
        assert "TOP-SECRET" not in shown
        assert b"a key for tests".hex() not in shown


# Certificates


def test_a_certificate_lies_with_its_key_in_the_members_secret_and_names_its_service() -> None:
    config = "/etc/opsctl/proof"
    names = ("sessions-0", AddressRef("sessions-0"), AddressRef("sessions-0", "ip"))
    proof = Cert("proof", f"{config}/web.pem", f"{config}/ca.pem", names, effect="reload")
    reloaded = Command(("toy",), reload=("toy-cli", "reload"))
    found = realise(change=lambda one: with_server(one, certs=(proof,), command=reloaded))
    secret = found["Secret", "sessions-0"].payload
    assert isinstance(secret, Payload)
    keys = {"proof_web.pem", "proof_web.pem.key", "proof_ca.pem"}
    assert keys <= set(secret.texts)
    assert not keys & set(manifest(found, "ConfigMap", "sessions-0")["data"])
    (ref,) = secret.texts["proof_web.pem"].parts
    assert isinstance(ref, CertRef)
    site = Site("prod", "shop", "shop", Kubernetes())
    assert site.called(ref).names == ("sessions-0", "sessions-0.shop.svc")
    assert fill(site, secret.texts["proof_web.pem"], Keys()) == "certificate of proof\n"
    plain = realise(change=lambda one: with_server(one, command=reloaded))
    assert started_with(found) == started_with(plain), "a renewed one is no reason to restart"
