"""Manifests as files, and the script that runs in the pods."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_kubernetes_manifests import options, target, work

from opsctl.errors import OpsError
from opsctl.targets.kubernetes import render_manifests
from opsctl.targets.kubernetes.scripts import INSTALL
from opsctl.targets.kubernetes.site import Payload
from opsctl.targets.kubernetes.yaml_text import yaml_text
from yaml_reading import read_yaml

TEXTS = st.text() | st.text("ab \n#:'\"-@") | st.sampled_from(["no", "1e3", "~"])
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3))
def test_another_reader_gets_the_same_back(value: dict[str, Any]) -> None:
    assert read_yaml(yaml_text(value)) == value


def test_files_are_shown_line_by_line() -> None:
    assert yaml_text({"data": {"a.conf": "port 1\n\nbind *\n"}}) == (
        "data:\n  a.conf: |\n    port 1\n\n    bind *\n"
    )


def render(directory: Path, **chosen: Any) -> dict[str, str]:
    place = target(**chosen)
    resources = place.realise([work(place)], {"sessions": options()})
    written = render_manifests(resources, directory)
    return {str(path.relative_to(directory)): path.read_text() for path in written}


def test_everything_but_secrets_is_written_as_it_would_be_applied(tmp_path: Path) -> None:
    files = render(tmp_path)
    place = target()
    for one in place.realise([work(place)], {"sessions": options()}):
        name = f"sessions/{one.id.kind.lower()}-{one.id.name}.yaml"
        if one.id.kind == "Secret":
            assert name not in files
        else:
            assert isinstance(one.payload, Payload)
            assert read_yaml(files[name]) == one.payload.manifest
    assert not any("TOP-SECRET" in text for text in files.values())


def test_the_page_names_every_secret_and_its_keys(tmp_path: Path) -> None:
    page = render(tmp_path)["README.md"]
    for ordinal in range(3):
        assert f"create secret generic sessions-{ordinal} --from-file=users.acl" in page
    assert "user admin ‹secret sessions/admin›" in page
    assert "| `vm.overcommit_memory` | 1 | a fork must not fail |" in page


def test_rendering_again_removes_what_is_no_longer_part_and_nothing_else(tmp_path: Path) -> None:
    first = render(tmp_path)
    (tmp_path / "sessions" / "mine.yaml").write_text("mine")
    place = target()
    fewer = place.realise([work(place)], {"sessions": options()})[:4]
    render_manifests(fewer, tmp_path)
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert "sessions/mine.yaml" in left
    assert len(left) == 4 + 3 < len(first)


def test_a_kustomization_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources:\n- mine.yaml\n")
    (tmp_path / "mine.yaml").write_text("mine")
    with pytest.raises(OpsError, match="render/not-ours"):
        render(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"kustomization.yaml", "mine.yaml"}


# The script


class Pod:
    """A folder that looks to the script like a pod, with a resolver of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.files, self.bin = root, root / "files", root / "bin"
        self.store = root / "store"
        for folder in (self.files, self.bin, self.store):
            folder.mkdir()
        self.program("sleep", "exit 0")
        self.program("getent", 'echo "10.96.0.7       $2"')
        self.write("opsctl.addresses", "toy-0 toy-0.shop.svc\n")
        self.write("toy.conf", "primary @ADDRESS:toy-0@ 7000\nme @ADDRESS:toy-0@\n")

    def write(self, name: str, text: str) -> None:
        (self.files / name).write_text(text)

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def install(self) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", "-c", INSTALL, "install", str(self.files), str(self.store)],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": path},
        )


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def test_addresses_are_filled_in_and_modes_kept(pod: Pod) -> None:
    path = pod.root / "etc" / "deep" / "toy.conf"
    pod.write("opsctl.files", f"managed 0640 toy.conf {path}\n")
    assert pod.install().returncode == 0
    assert path.read_text() == "primary 10.96.0.7 7000\nme 10.96.0.7\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["toy.conf"]


def test_a_seeded_file_is_written_once_and_a_managed_one_every_time(pod: Pod) -> None:
    seeded, managed = pod.root / "seeded.conf", pod.root / "managed.conf"
    pod.write("opsctl.files", f"seeded 0600 toy.conf {seeded}\nmanaged 0600 toy.conf {managed}\n")
    assert pod.install().returncode == 0
    for path in (seeded, managed):
        assert "10.96.0.7" in path.read_text()
        path.write_text("rewritten by the server\n")
    assert pod.install().returncode == 0
    assert seeded.read_text() == "rewritten by the server\n"
    assert managed.read_text() != "rewritten by the server\n"


def test_a_server_s_own_file_has_the_addresses_of_services_that_were_made_anew(pod: Pod) -> None:
    """Two of which have each other's: none is taken for the other."""
    addresses = {"toy-0": "10.96.0.7", "toy-1": "10.96.0.70"}

    def resolve() -> None:
        cases = "\n".join(f"{one}.*) echo {at} ;;" for one, at in addresses.items())
        pod.program("getent", f"case $2 in {cases} esac")

    path = pod.root / "own.conf"
    pod.write("opsctl.addresses", "toy-0 toy-0.shop.svc\ntoy-1 toy-1.shop.svc\n")
    pod.write("opsctl.files", f"seeded 0600 toy.conf {path}\n")
    resolve()
    assert pod.install().returncode == 0
    path.write_text(
        "follow 10.96.0.7 7000\nknown 10.96.0.70 10.96.0.7\nother 110.96.0.7 10x96.0.7\n"
    )
    assert pod.install().returncode == 0
    assert path.read_text().startswith("follow 10.96.0.7 7000\nknown 10.96.0.70 10.96.0.7\n")
    addresses["toy-0"], addresses["toy-1"] = addresses["toy-1"], addresses["toy-0"]
    resolve()
    done = pod.install()
    assert done.returncode == 0, done.stderr
    wanted = "follow 10.96.0.70 7000\nknown 10.96.0.7 10.96.0.70\nother 110.96.0.7 10x96.0.7\n"
    assert path.read_text() == wanted
    assert path.stat().st_mode & 0o777 == 0o600


def test_directories_of_volumes_are_made(pod: Pod) -> None:
    pod.write("opsctl.files", f"directory 0700 - {pod.root}/data/a\n")
    assert pod.install().returncode == 0
    assert (pod.root / "data" / "a").is_dir()


def test_a_name_that_does_not_resolve_is_waited_for_and_then_named(pod: Pod) -> None:
    path = pod.root / "toy.conf"
    pod.write("opsctl.files", f"managed 0600 toy.conf {path}\n")
    pod.program("getent", f'echo x >> "{pod.root}/asked"; exit 2')
    ended = pod.install()
    assert ended.returncode == 1
    assert "toy-0.shop.svc has had no address" in ended.stderr
    assert len((pod.root / "asked").read_text().split()) == 60
    assert not path.exists()
