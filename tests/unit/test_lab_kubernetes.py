"""The cluster's pure parts: images as tars, a node's files, what kubeadm is told, volumes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from opsctl.errors import OpsError
from opsctl.lab.kubernetes import archive, compiler, go, kubeadm, node, volumes
from opsctl.lab.kubernetes.archive import Image
from opsctl.lab.kubernetes.images import full_name
from opsctl.lab.spec import LabSpec, Subnet, nodes

NODES = nodes(LabSpec(hosts=3, system="debian-12", nested=True))
SUBNET = Subnet(7, "01234567")


def test_an_archive_names_every_image_and_holds_a_shared_layer_once(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    layer = archive.program_layer(program, "/usr/bin/it", tmp_path / "layer.tar")
    archive.write([Image(("a:1",), (layer,)), Image(("b:1", "b:2"), (layer,))], tmp_path / "out")
    with tarfile.open(tmp_path / "out") as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile("manifest.json") or io.BytesIO())
        config = (tar.extractfile(manifest[0]["Config"]) or io.BytesIO()).read()
        content = (tar.extractfile(f"{layer.digest}.tar") or io.BytesIO()).read()
    assert [one["RepoTags"] for one in manifest] == [["a:1"], ["b:1", "b:2"]]
    assert names.count(f"{layer.digest}.tar") == 1
    assert hashlib.sha256(content).hexdigest() == layer.digest
    assert json.loads(config)["rootfs"]["diff_ids"] == [f"sha256:{layer.digest}"]


def test_a_layer_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"same")
    one = archive.program_layer(program, "/it", tmp_path / "one.tar")
    program.touch()
    assert archive.program_layer(program, "/it", tmp_path / "two.tar").digest == one.digest


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("redis:8.0", "docker.io/library/redis:8.0"),
        ("valkey/valkey:8.1", "docker.io/valkey/valkey:8.1"),
        ("opsctl.lab/pause:1", "opsctl.lab/pause:1"),
    ],
)
def test_an_image_is_loaded_under_the_name_by_which_pods_ask_for_it(short: str, full: str) -> None:
    assert full_name(short) == full


def test_a_node_reaches_the_pods_of_every_other_node_and_not_its_own() -> None:
    files = {file.path: file.text for file in node.files(NODES[1], NODES, SUBNET, 1500)}
    routes = files["/etc/systemd/network/10-lab.network.d/pods.conf"]
    assert "Destination=10.244.1.0/24\nGateway=10.77.7.11\n" in routes
    assert "Destination=10.244.3.0/24\nGateway=10.77.7.13\n" in routes
    assert "10.244.2.0" not in routes
    network = json.loads(files["/etc/cni/net.d/10-lab.conflist"])
    assert network["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "10.244.2.0/24"}]]


def test_a_node_tells_its_rack_as_its_zone() -> None:
    said = json.loads(kubeadm.join(NODES[1], "10.77.7.11", "t"))
    assert said["nodeRegistration"]["kubeletExtraArgs"] == [
        {"name": "node-labels", "value": "topology.kubernetes.io/zone=r2"}
    ]


def test_the_control_plane_is_told_in_separate_documents() -> None:
    documents = kubeadm.init(NODES[0], "10.77.7.11", "t").split("\n---\n")
    assert [json.loads(one)["kind"] for one in documents] == [
        "InitConfiguration",
        "ClusterConfiguration",
        "KubeletConfiguration",
        "KubeProxyConfiguration",
    ]


def test_every_worker_offers_its_own_volumes() -> None:
    items = json.loads(volumes.objects(NODES[1:]))["items"]
    made = [one for one in items if one["kind"] == "PersistentVolume"]
    assert len({one["metadata"]["name"] for one in made}) == 2 * volumes.PER_NODE
    assert {one["metadata"]["labels"][node.HOST_LABEL] for one in made} == {"n2", "n3"}


@pytest.mark.parametrize(
    ("said", "version"), [("go1.26.1\n", (1, 26)), ("go1.19", (1, 19)), ("gcc", (0, 0))]
)
def test_the_version_of_go_is_understood(said: str, version: tuple[int, int]) -> None:
    assert compiler.go_version(said) == version


def test_the_go_that_a_module_asks_for_is_known() -> None:
    for module in go.MODULES:
        text = (go.SOURCES / module.name / "go.mod").read_text()
        assert compiler.go_version(f"go{compiler.wanted(text)}") > compiler.FETCHES


def test_without_go_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OpsError) as refused:
        compiler.compiler(go.SOURCES / "kubernetes")
    assert refused.value.code == "lab/missing-tool"
    assert "apt-get install golang-go" in refused.value.hint


def test_programs_are_built_anew_when_go_mod_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go, "SOURCES", tmp_path)
    file = tmp_path / "coredns" / "go.mod"
    file.parent.mkdir()
    file.write_text("one")
    before = go.COREDNS.target
    file.write_text("two")
    assert go.COREDNS.target != before
