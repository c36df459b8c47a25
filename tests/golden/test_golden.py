"""A spec in, everything that follows from it out: the description, and what each target makes.

Every folder beside this file that holds a spec.yaml is a case. Its services run on `dc`, which has
hosts; the same is realised on `prod`, which is a Kubernetes namespace, with only `on:` changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest
from showing import Golden, resources_by_place, workload_text

from kubernetes_schema import mistakes
from opsctl.data import renderer
from opsctl.discovery import engines
from opsctl.flow.describing import told
from opsctl.model import Environment, HostsTarget, KubernetesTarget, ServiceBase, load
from opsctl.monitoring import Catalogue, Record
from opsctl.planning.resource import Resource
from opsctl.ports.target import Target
from opsctl.targets.kubernetes.render import manifest_files
from opsctl.wiring.hosts import hosts_target
from opsctl.wiring.kubernetes import kubernetes_target
from opsctl.workload import Directory, Engine, Seat, Workload, in_order
from toy import Keys
from yaml_reading import read_yaml

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/spec.yaml"))
HOSTS_ALONE = [case for case in CASES if "kubernetes:" not in (case / "spec.yaml").read_text()]
BOTH = [case for case in CASES if case not in HOSTS_ALONE]
PLACED = [(case, name) for case in CASES for name in ("dc", "prod") if name == "dc" or case in BOTH]


@dataclass(frozen=True)
class Realised:
    """What became of one case on one target, and how that is shown, each made once."""

    workloads: tuple[Workload, ...]
    resources: tuple[Resource, ...]

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """By service."""
        return {one.service: workload_text(one) for one in self.workloads}

    @cached_property
    def places(self) -> Mapping[str, str]:
        return resources_by_place(self.resources)

    @cached_property
    def manifests(self) -> Mapping[str, str]:
        return manifest_files(self.resources)


On = Callable[[Path, str], Realised]


def named(cases: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


# Of every kind of server: what real catalogues say has tests of its own.
RULES = Catalogue(
    records=(
        Record(
            record="up:members",
            expr="count(up{{{ selector }}})",
            unit="1",
            kind="state",
            about=".",
        ),
    )
)

on_each_target = pytest.mark.parametrize(
    ("case", "name"), PLACED, ids=[f"{case.name}-{name}" for case, name in PLACED]
)


def read(case: Path, on: str) -> Environment:
    known = {name: engine.options for name, engine in engines().items()}
    file = case / "spec.yaml"
    services = read_yaml(file.read_text())["services"]
    names = [name for name, service in services.items() if "external" not in service]
    placed = [f"services.{name}.on={on}" for name in names]
    if "monitoring" in read_yaml(file.read_text()):
        placed.append(f"monitoring.on={on}")
    return load([file], placed, engines=known)


def target(spec: Environment, name: str, folder: Path) -> Target:
    written, keys = spec.targets[name], Keys()
    if isinstance(written, KubernetesTarget):
        return kubernetes_target(spec, name, written, keys)
    assert isinstance(written, HostsTarget)
    return hosts_target(spec, name, written, keys, cache=folder, locked={}, unsupported=False)


def realise(spec: Environment, place: Target) -> Realised:
    known = engines()
    services = {name: service for name, service in spec.services.items() if service.managed}
    needs = {
        name: (service, known[service.engine].needs(service)) for name, service in services.items()
    }
    seats = place.seat(needs, {})
    workloads: dict[str, Workload] = {}
    for name in in_order(services, known, spec):
        describe = described(name, services[name], known[services[name].engine], seats[name])
        workloads[name] = describe(told(spec, name, workloads, describe, lambda _: RULES))
    all_of_them = tuple(workloads.values())
    return Realised(all_of_them, place.realise(all_of_them, services))


def described(
    name: str, service: ServiceBase, engine: Engine, seats: Sequence[Seat]
) -> Callable[[Directory], Workload]:
    render = renderer(engine.templates)
    return lambda told: engine.describe(name, service, seats, render, told)


def made(case: Path, name: str, folder: Path) -> Realised:
    spec = read(case, name)
    return realise(spec, target(spec, name, folder))


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> On:
    """Each case on each target, made once: what comes out are values."""
    folder = tmp_path_factory.mktemp("cache")
    return cache(lambda case, name: made(case, name, folder))


def test_there_are_cases() -> None:
    assert CASES


@named(CASES)
def test_the_description_is_as_reviewed(case: Path, on: On, golden: Golden) -> None:
    texts = on(case, "dc").texts
    golden(case / "workload", {f"{service}.yaml": text for service, text in texts.items()})


@named(CASES)
def test_hosts_get_what_was_reviewed(case: Path, on: On, golden: Golden) -> None:
    places = on(case, "dc").places
    golden(case / "hosts", {f"{where.rpartition('/')[2]}.yaml": places[where] for where in places})


@named(BOTH)
def test_kubernetes_gets_what_was_reviewed(case: Path, on: On, golden: Golden) -> None:
    realised = on(case, "prod")
    secrets = resources_by_place([one for one in realised.resources if one.id.kind == "Secret"])
    extra = {"not-rendered/secrets.yaml": "".join(secrets.values())}
    golden(case / "kubernetes", {**realised.manifests, **extra})


@named(BOTH)
def test_manifests_are_what_the_api_knows(case: Path, on: On) -> None:
    manifests = [
        read_yaml(text)
        for name, text in on(case, "prod").manifests.items()
        if name.endswith(".yaml") and name != "kustomization.yaml"
    ]
    assert manifests
    assert {one["metadata"]["name"]: mistakes(one) for one in manifests if mistakes(one)} == {}


@on_each_target
def test_no_value_of_a_secret_comes_out(case: Path, name: str, on: On) -> None:
    realised = on(case, name)
    assert realised.resources
    shown = "".join((*realised.places.values(), *realised.texts.values()))
    assert "TOP-SECRET" not in shown


@on_each_target
def test_the_same_comes_out_twice(case: Path, name: str, on: On, tmp_path: Path) -> None:
    assert on(case, name).resources == made(case, name, tmp_path).resources
