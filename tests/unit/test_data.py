"""Data folders, the template renderer and the discovery of engines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsctl import data, discovery
from opsctl.errors import OpsError, OpsErrors
from opsctl.model import keeper_words, load_data
from opsctl.workload import AddressRef, SecretRef


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place that looks like a checkout: an empty package with templates beside it."""
    (tmp_path / "templates" / "toy").mkdir(parents=True)
    monkeypatch.setattr(data, "_PACKAGE", tmp_path / "opsctl")
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    for cached in (data.folder, data.renderer, data._environment, data.catalogue):
        cached.cache_clear()


def _write(house: Path, text: str) -> None:
    (house / "templates" / "toy" / "toy.conf").write_text(text)


def test_references_given_to_a_template_come_out_as_parts(house: Path) -> None:
    _write(house, "pass {{ password }}\nhost {{ peer }}\n")
    secret, peer = SecretRef("toy/admin"), AddressRef("toy-0", "ip")
    text = data.renderer("toy")("toy.conf", password=secret, peer=peer)
    assert text.parts == ("pass ", secret, "\nhost ", peer, "\n")


def test_blocks_leave_no_blank_lines_and_the_last_newline_stays(house: Path) -> None:
    _write(
        house,
        "{% for port in ports %}\n  {% if port %}\nport {{ port }}\n{% endif %}\n{% endfor %}\n",
    )
    assert data.renderer("toy")("toy.conf", ports=[1, 2]).parts == ("port 1\nport 2\n",)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ typo }}", "template/undefined"),
        ("{{ peer.typo }}", "template/undefined"),
        ("{% if %}", "template/syntax"),
        ("{% include 'elsewhere' %}", "template/missing"),
    ],
)
def test_a_template_that_is_wrong_is_named(house: Path, text: str, code: str) -> None:
    _write(house, text)
    with pytest.raises(OpsError) as raised:
        data.renderer("toy")("toy.conf", peer=AddressRef("toy-0"))
    assert raised.value.code == code
    assert "toy/toy.conf" in str(raised.value.where)


def test_a_template_that_is_not_there_is_named(house: Path) -> None:
    with pytest.raises(OpsError, match="template/missing"):
        data.renderer("toy")("none.conf")


def test_an_installed_wheel_finds_its_data_inside_the_package(house: Path) -> None:
    inside = house / "opsctl" / "_data" / "alerts"
    inside.mkdir(parents=True)
    assert data.folder("alerts") == inside
    assert data.folder("templates") == house / "templates"


def test_a_data_folder_that_is_nowhere_is_an_error_with_both_places(house: Path) -> None:
    with pytest.raises(OpsError, match=r"data/missing.*_data/alerts.*alerts"):
        data.folder("alerts")


def test_an_engine_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    broken = metadata.EntryPoint("toy", "opsctl.engines.toy_that_is_not:ENGINE", "opsctl.engines")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [broken])
    discovery.engines.cache_clear()
    try:
        assert "toy" in discovery.engines()
        assert discovery.engines()["redis"].name == "redis"  # nobody else minds
        with pytest.raises(OpsError, match=r"engine/not-importable.*toy"):
            discovery.engines()["toy"]
    finally:
        discovery.engines.cache_clear()


def test_our_own_engines_are_found_without_a_search_through_all_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from importlib import metadata

    def search(group: str) -> None:
        raise AssertionError("it is not needed")

    monkeypatch.setattr(metadata, "entry_points", search)
    discovery.engines.cache_clear()
    try:
        assert "redis" in discovery.engines()
        assert discovery.option_models()["redis"] is discovery.engines()["redis"].options
    finally:
        discovery.engines.cache_clear()


def test_an_engine_that_a_spec_does_not_name_is_not_imported(tmp_path: Path) -> None:
    spec = tmp_path / "opsctl.yaml"
    spec.write_text(
        "opsctl: 1\nname: shop\ntargets: {dc: {hosts: {n1: {}}, time: external}}\n"
        "services: {web: {engine: redis, on: dc, replicas: 1}}\n"
    )
    code = (
        "import sys; from pathlib import Path\n"
        "from opsctl import wiring\n"
        f"wiring.parts([Path({str(spec)!r})])\n"
        "names = (name.split('.') for name in sys.modules if name.startswith('opsctl.engines.'))\n"
        "sys.stdout.write(' '.join(sorted(name[2] for name in names if name[3:] == ['engine'])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "redis"


def test_an_engine_of_others_that_can_not_be_imported_is_nothing_to_who_does_not_name_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from importlib import metadata

    group = "opsctl.engines"
    broken = metadata.EntryPoint("another", "opsctl.engines.another_one:ENGINE", group)
    ours = metadata.distribution("opsctl-toolkit").entry_points.select(group=group)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [broken, *ours])
    document: dict[str, Any] = {
        "opsctl": 1,
        "name": "shop",
        "targets": {"dc": {"hosts": {"n1": {}, "n2": {}, "n3": {}}}},
        "services": {"web": {"engine": "redis", "on": "dc", "replicas": 3}},
        "routes": {"web": {"to": "web", "port": 7000}},
        "monitoring": {"on": "dc"},
    }
    discovery.engines.cache_clear()
    try:
        assert [*discovery.engines()][-1] == "another"
        environment = load_data(document, engines=discovery.option_models())
        assert {"balancer-dc", "hosts-dc", "metrics-dc"} <= {*environment.services}
        assert "chrony" in keeper_words(environment, "dc")
    finally:
        discovery.engines.cache_clear()


def test_engines_are_found_by_the_names_of_their_entry_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from importlib import metadata

    points = [
        metadata.EntryPoint(name, "opsctl.errors:OpsError", "opsctl.engines")
        for name in ("valkey", "redis")
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda group: points)
    discovery.engines.cache_clear()
    try:
        assert list(discovery.engines()) == ["redis", "valkey"]
    finally:
        discovery.engines.cache_clear()


def _catalogue(house: Path, text: str) -> None:
    (house / "alerts").mkdir()
    (house / "alerts" / "toy.yaml").write_text(text)


def test_a_catalogue_is_read(house: Path) -> None:
    _catalogue(
        house, "metrics:\n  toy_up: {type: gauge, unit: bool, kind: state, job: toy, about: .}\n"
    )
    assert list(data.catalogue("toy").metrics) == ["toy_up"]


def test_every_mistake_in_a_catalogue_has_its_line(house: Path) -> None:
    _catalogue(house, "metrics:\n  toy_up: {type: gage}\nrecord: []\n")
    with pytest.raises(OpsErrors) as raised:
        data.catalogue("toy")
    places = {error.message.partition(":")[0]: str(error.where) for error in raised.value.errors}
    assert places["metrics.toy_up.type"].endswith("alerts/toy.yaml:2:12")
    assert places["record"].endswith("alerts/toy.yaml:3:1")


def test_a_catalogue_that_is_no_yaml_has_its_line(house: Path) -> None:
    _catalogue(house, "metrics: {\n")
    with pytest.raises(OpsError, match=r"spec/syntax.*toy.yaml:"):
        data.catalogue("toy")


def test_a_catalogue_that_is_not_there_is_named(house: Path) -> None:
    _catalogue(house, "")
    with pytest.raises(OpsError, match=r"data/missing.*alerts/other.yaml"):
        data.catalogue("other")


def test_a_template_compiled_once_is_not_compiled_by_the_next_call(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jinja2 import Environment

    kept = house / "kept"
    _write(house, "port {{ port }}\n")
    assert data.renderer("toy", kept)("toy.conf", port=1).parts == ("port 1\n",)
    assert kept.stat().st_mode & 0o777 == 0o700
    _forget()
    monkeypatch.setattr(Environment, "compile", None)
    assert data.renderer("toy", kept)("toy.conf", port=2).parts == ("port 2\n",)
    monkeypatch.undo()
    monkeypatch.setattr(data, "_PACKAGE", house / "opsctl")
    _forget()
    _write(house, "another {{ port }}\n")
    assert data.renderer("toy", kept)("toy.conf", port=3).parts == ("another 3\n",)


def test_compiled_templates_are_not_taken_from_a_folder_that_others_may_write(house: Path) -> None:
    kept = house / "kept"
    kept.mkdir()
    kept.chmod(0o777)
    _write(house, "port {{ port }}\n")
    assert data.renderer("toy", kept)("toy.conf", port=1).parts == ("port 1\n",)
    assert not list(kept.iterdir())
    (house / "file").touch()
    assert data.renderer("toy", house / "file")("toy.conf", port=1).parts == ("port 1\n",)
