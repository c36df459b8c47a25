"""Loading: what is read, from which files, and that nothing breaks the reader."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_model_demo import ENGINES, HEAD, LAB, loaded, mistake, mistakes

from opsctl.errors import OpsError, OpsErrors
from opsctl.model import (
    Duration,
    ExecBackend,
    HostsTarget,
    InventoryHosts,
    KubernetesTarget,
    LabHosts,
    load,
    load_data,
)
from opsctl.model.codes import ERRORS

WEB = "services: {web: {engine: demo, on: dc, %s}}\n"

EVERYTHING = """\
opsctl: 1
name: shop
targets:
  dc1:
    hosts:
      n1: {address: 10.0.0.11, rack: a, labels: {disk: nvme}}
      n2: {address: n2.example.net, rack: b}
      n3: {}
    ssh: {user: ops, key: ~/.ssh/id_ed25519, become: true, parallel: 20, port: 2222,
          become_password: {secret: sudo}, bastion: "ops@jump:22", options: [Compression=yes],
          known_hosts: ./known_hosts, connect_timeout: 5s}
    packages: {mirror: "http://mirror/", proxy: "http://proxy:3128"}
    firewall: off
    kernel: apply
  old: {hosts: {inventory: inventory.ini, group: caches}}
  lab: {hosts: "lab:two"}
  prod: {kubernetes: {context: prod-eu, namespace: shop, storage_class: fast,
                      images: {demo: "registry.example/demo@sha256:00"}, pull_secrets: [regcred],
                      node_selector: {disk: nvme}, tolerations: [{key: a, operator: Exists}]}}
services:
  sessions:
    engine: demo
    version: "7"
    on: dc1
    place: {hosts: [n1, n2, n3]}
    mode: copying
    memory: 256MiB
    storage: {path: /data/sessions, require_mount: true, min_free: 10GiB, size: 20GiB}
    failover: safe
    settings: {maxmemory-policy: allkeys-lru, save: ["900 1", 60], on: true, rate: 0.5}
    users: [{name: web, keys: "session:*"}]
    slo: {rto: 10s, availability: 99.9}
    backup: {schedule: "0 3 * * *", keep: 30d}
    license: {secret: demo/license}
  legacy: {engine: demo, external: {addresses: ["10.0.0.9:6379", "[::1]:6379"]}}
routes:
  read: {to: sessions, role: replica, port: 5433, balance: leastconn, max_lag: 15s}
  short: {to: legacy, vip: 10.77.0.100}
  long: {to: sessions, vip: {address: 10.0.0.100/24, interface: eth0, vrid: 51}}
monitoring:
  on: dc1
  retention: 15d
  alertmanager: {receivers: [{name: oncall, webhook: {secret: oncall-url}}]}
  grafana: {url: "https://grafana.example", token: {secret: grafana-token}}
secrets: {backend: {exec: [pass, show]}}
drills: allowed
"""


def test_everything_that_the_reference_shows_is_read(tmp_path: Path) -> None:
    environment = loaded(tmp_path, EVERYTHING)
    dc1, old = environment.targets["dc1"], environment.targets["old"]
    assert isinstance(dc1, HostsTarget)
    assert isinstance(old, HostsTarget)
    assert dc1.firewall == "off"
    assert dc1.named is not None
    assert dc1.ssh.connect_timeout == Duration(5000)
    assert old.hosts == InventoryHosts(inventory="inventory.ini", group="caches")
    lab, prod = environment.targets["lab"], environment.targets["prod"]
    assert isinstance(lab, HostsTarget)
    assert lab.hosts == LabHosts(name="two")
    assert isinstance(prod, KubernetesTarget)
    assert prod.kubernetes.context == "prod-eu"
    sessions = environment.services["sessions"].settings
    assert sessions == {"maxmemory-policy": "allkeys-lru", "save": ("900 1", 60), "on": True,
                        "rate": 0.5}  # fmt: skip
    assert not environment.services["legacy"].managed
    assert environment.routes["short"].vip is not None
    assert environment.secrets.backend == ExecBackend(exec=("pass", "show"))


def test_the_document_reads_back_to_the_same_environment(tmp_path: Path) -> None:
    environment = loaded(tmp_path, EVERYTHING)
    saved = json.loads(json.dumps(environment.document))
    again = load_data(saved, engines=ENGINES)
    assert again.document == environment.document
    assert again.with_defaults() == environment.with_defaults()
    assert again.place(("services", "sessions")) is None


def test_the_spec_with_its_defaults_is_a_spec_of_the_same_meaning(tmp_path: Path) -> None:
    text = LAB + "services: {web: {engine: demo, on: dc}}\n"
    written = loaded(tmp_path, text).with_defaults()
    assert load_data(written, engines=ENGINES).with_defaults() == written


def test_an_environment_keeps_its_id_when_it_is_renamed(tmp_path: Path) -> None:
    assert loaded(tmp_path, HEAD).id == "shop"
    assert loaded(tmp_path, "opsctl: 1\nname: shop2\nid: shop\n").id == "shop"


def test_a_file_that_is_not_there_is_answered_with_one_of_about_that_name(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(LAB)
    with pytest.raises(OpsErrors) as caught:
        load([tmp_path / "shpo.yaml"], engines=ENGINES)
    error = caught.value.errors[0]
    assert (error.code, error.hint) == ("spec/not-found", 'did you mean "shop.yaml"?')


def test_a_file_that_can_not_be_a_spec_is_refused(tmp_path: Path) -> None:
    large, binary = tmp_path / "large.yaml", tmp_path / "binary.yaml"
    large.write_text("# " + "x" * 1024 * 1024)
    binary.write_bytes(b"a: 1\nb: \xff\xfe\n")
    codes = []
    for path in (large, binary, tmp_path, tmp_path / "none" / "spec.yaml"):
        with pytest.raises(OpsErrors) as caught:
            load([path], engines=ENGINES)
        codes += [error.code for error in caught.value.errors]
    assert codes == ["spec/bomb", "spec/syntax", "spec/unreadable", "spec/not-found"]


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + LAB.encode())
    assert load([path], engines=ENGINES).name == "shop"


@pytest.mark.parametrize("written", ["hunter22", '"hunter22"', "{secret: hunter22 x}"])
def test_a_secret_that_stands_in_the_spec_is_refused_and_never_shown(
    tmp_path: Path, written: str
) -> None:
    text = LAB.replace("lab}", f"lab, ssh: {{usr: x, become_password: {written}}}}}")
    found = mistakes(tmp_path, text)
    assert {error.code for error in found} == {"spec/unknown-key", "spec/plain-secret"}
    for error in found:
        assert "hunter22" not in repr((error.message, error.hint, error.where))


def test_a_secret_given_with_set_is_refused_and_never_shown(tmp_path: Path) -> None:
    error = mistake(tmp_path, LAB, sets=["targets.dc.ssh.become_password=hunter22"])
    assert error.code == "spec/plain-secret"
    assert "hunter22" not in repr((error.message, error.hint, error.where))


def test_a_path_is_meant_beside_the_file_that_names_it(tmp_path: Path) -> None:
    environment = loaded(tmp_path, HEAD + "targets: {dc: {hosts: {inventory: a.ini}}}\n")
    keys = ("targets", "dc", "hosts", "inventory")
    assert environment.beside(keys, "a.ini") == tmp_path / "a.ini"
    assert environment.beside(keys, "/etc/a.ini") == Path("/etc/a.ini")
    assert environment.beside(keys, "~/a.ini") == Path.home() / "a.ini"


def refused(document: dict[str, Any]) -> tuple[OpsError, ...]:
    """What is wrong with a document; nothing if it is right."""
    try:
        load_data(document, engines=ENGINES)
    except OpsErrors as errors:
        return errors.errors
    return ()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5) | st.sampled_from(["demo", "dc", "lab", "256MiB", "5s", 0]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(
        st.sampled_from(
            ["hosts", "kubernetes", "dc", "engine", "on", "external", "place", "slo", "rto", "ssh",
             "secret", "users", "vip", "to", "backend", "exec", "inventory", "settings", "x"]
        ),
        inner, max_size=3,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(
    ["targets", "services", "routes", "monitoring", "secrets", "drills", "id", "opsctl"]
), JUNK))  # fmt: skip
def test_no_document_ends_in_a_traceback_or_in_jargon(document: dict[str, object]) -> None:
    for error in refused({"opsctl": 1, "name": "shop", **document}):
        assert error.code in ERRORS
        assert "nput should" not in error.message
        assert "pydantic" not in str(error).lower()


def test_loading_needs_no_heavy_library() -> None:
    """Start-up time: what a plan imports is paid for at every call."""
    script = (
        "import sys, opsctl.model;"
        "heavy = {'ansible_runner', 'kubernetes', 'jinja2', 'rich', 'typer', 'jsonschema'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
