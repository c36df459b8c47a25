"""A spec that targets or a plan have kept names the same files as the one in use, wherever it is
read."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.flow.parts import Parts
from opsctl.targets.hosts import Host, HostsTarget
from opsctl.wiring import parts

FILES = """\
opsctl: 1
name: NAME
targets:
  dc: {hosts: {inventory: inventory.ini}, ssh: {key: id, known_hosts: keys/known}}
  own: {hosts: {n1: {ssh: {key: n1.key}}}}
secrets: {path: safe.yml, password_file: ../password}
"""


def named_hosts(file: Path, _group: str) -> dict[str, Host]:
    """The hosts of an inventory with a name on each line: Ansible needs seconds for it."""
    return {name: Host(name) for name in file.read_text().split()}


@pytest.fixture
def envs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`prod` and `staging` side by side, with one host each, called from `staging`."""
    for name in ("prod", "staging"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "opsctl.yaml").write_text(FILES.replace("NAME", name))
        (folder / "inventory.ini").write_text(f"{name}-1\n")
    monkeypatch.chdir(tmp_path / "staging")
    monkeypatch.setattr("opsctl.targets.hosts.inventory.inventory_hosts", named_hosts)
    return tmp_path


def hosts_of(made: Parts, target: str = "dc") -> HostsTarget:
    found = made.targets[target]
    assert isinstance(found, HostsTarget)
    return found


def files_of(made: Parts) -> dict[str, Path | None]:
    """Every file that the spec names, as it would be opened."""
    dc, own = hosts_of(made), hosts_of(made, "own")
    spec = made.environment
    return {
        "key": dc.ssh.key,
        "known_hosts": dc.ssh.known_hosts,
        "host's key": own.hosts["n1"].key,
        "path": spec.beside(("secrets", "path"), spec.secrets.path or ""),
        "password_file": spec.beside(
            ("secrets", "password_file"), spec.secrets.password_file or ""
        ),
    }


@pytest.mark.usefixtures("envs")
def test_it_reads_the_inventory_of_its_own_environment() -> None:
    now = parts([Path("../prod/opsctl.yaml")])
    then = now.with_document(now.environment.document)
    assert list(hosts_of(now).hosts) == list(hosts_of(then).hosts) == ["prod-1"]


@pytest.mark.parametrize("called_in", ["prod", "staging", "."])
def test_each_file_is_the_one_that_the_spec_in_use_names(
    envs: Path, monkeypatch: pytest.MonkeyPatch, called_in: str
) -> None:
    monkeypatch.chdir(envs / called_in)
    now = parts([envs / "prod" / "opsctl.yaml"])
    then = now.with_document(now.environment.document)
    again = then.with_versions({}).with_document(now.environment.document)
    assert files_of(now) == files_of(then) == files_of(again)
    assert files_of(then)["known_hosts"] == envs / "prod" / "keys" / "known"


def test_a_file_is_beside_the_layer_that_names_it_now(envs: Path) -> None:
    over = envs / "over.yaml"
    over.write_text("targets: {dc: {hosts: {inventory: over.ini}}}\n")
    (envs / "over.ini").write_text("over-1\n")
    now = parts([envs / "prod" / "opsctl.yaml", over])
    assert list(hosts_of(now.with_document(now.environment.document)).hosts) == ["over-1"]


def test_a_file_that_the_spec_in_use_names_no_more_is_beside_its_first_file(envs: Path) -> None:
    before = parts([envs / "prod" / "opsctl.yaml"]).environment.document
    less = envs / "prod" / "less.yaml"
    less.write_text("opsctl: 1\nname: prod\ntargets: {own: {hosts: {n1: {}}}}\n")
    (envs / "over.yaml").write_text("drills: allowed\n")
    then = parts([less, envs / "over.yaml"]).with_document(before)
    assert list(hosts_of(then).hosts) == ["prod-1"]
    assert files_of(then) == files_of(parts([envs / "prod" / "opsctl.yaml"]))


def test_a_file_given_with_set_stays_where_it_was_typed(envs: Path) -> None:
    (envs / "staging" / "typed.ini").write_text("typed-1\n")
    sets = ["targets.dc.hosts.inventory=typed.ini"]
    now = parts([envs / "prod" / "opsctl.yaml"], sets)
    assert list(hosts_of(now.with_document(now.environment.document)).hosts) == ["typed-1"]
