"""Layers: overlays and --set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_model_demo import HOSTS, LAB, DemoService, loaded, mistake, spanned

from opsctl.errors import Place
from opsctl.model import Bytes
from opsctl.model.tree import Table, from_plain, merge, plain

SPEC = LAB + "services:\n  web: {engine: demo, on: dc, users: [{name: a}, {name: b}]}\n"
KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.integers(0, 5) | st.lists(st.integers(0, 5), max_size=2),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
SECTIONS = st.dictionaries(KEYS, st.dictionaries(KEYS, st.integers(0, 5), max_size=3), max_size=3)
MAPS = st.dictionaries(KEYS, VALUES, max_size=3)


def merged(base: Any, over: Any) -> Any:
    return plain(merge(from_plain(base), from_plain(over)))


@given(MAPS)
def test_nothing_laid_on_top_or_below_changes_nothing(spec: Any) -> None:
    assert merged(spec, {}) == spec
    assert merged({}, spec) == spec
    assert merged(spec, spec) == spec


@given(SECTIONS, SECTIONS, SECTIONS)
def test_layers_of_one_shape_may_be_merged_in_any_grouping(one: Any, two: Any, three: Any) -> None:
    assert merged(merged(one, two), three) == merged(one, merged(two, three))


@given(MAPS, KEYS)
def test_null_takes_a_key_away(spec: Any, key: str) -> None:
    assert merged(spec, {key: None}) == {name: spec[name] for name in spec if name != key}


@given(MAPS, KEYS, st.integers(6, 9))
def test_the_later_layer_wins(spec: Any, key: str, value: int) -> None:
    assert merged(spec, {key: value}) == {**spec, key: value}


def test_null_means_left_out_in_the_first_layer_too() -> None:
    assert plain(merge(Table(), from_plain({"a": None, "b": {"c": None}}))) == {"b": {}}


def test_an_overlay_replaces_lists_and_merges_maps(tmp_path: Path) -> None:
    overlay = "services: {web: {users: [{name: c}], memory: 1GiB}}\n"
    service = loaded(tmp_path, SPEC, overlay).services["web"]
    assert isinstance(service, DemoService)
    assert [user.name for user in service.users] == ["c"]
    assert service.memory == Bytes.parse("1GiB")
    assert service.on == "dc"


def test_a_place_leads_to_the_file_that_set_the_value(tmp_path: Path) -> None:
    environment = loaded(tmp_path, SPEC, "services:\n  web: {memory: 1GiB}\n")
    place = environment.place(("services", "web", "memory"))
    assert place == Place(tmp_path / "spec1.yaml", 2, 17, 4, "  web: {memory: 1GiB}")
    engine = environment.place(("services", "web", "engine"))
    assert engine is not None
    assert engine.file == tmp_path / "spec0.yaml"


def test_set_lays_one_value_on_top(tmp_path: Path) -> None:
    sets = ["services.web.memory=2GiB", "services.web.slo.rto=20s", "services.web.users.1.name=z"]
    environment = loaded(tmp_path, SPEC, sets=sets)
    service = environment.services["web"]
    assert isinstance(service, DemoService)
    assert service.memory == Bytes.parse("2GiB")
    assert service.slo is not None
    assert str(service.slo.rto) == "20s"
    assert [user.name for user in service.users] == ["a", "z"]
    place = environment.place(("services", "web", "memory"))
    assert place is not None
    assert place.file == "--set services.web.memory=2GiB"


def test_set_takes_lists_maps_nulls_and_quoted_keys(tmp_path: Path) -> None:
    sets = [
        "services.web.users=[{name: q}]",
        "services.web.mode=null",
        'services.web.settings."log.dirs"=5',
        "services.new={engine: demo, on: dc}",
    ]
    environment = loaded(tmp_path, SPEC, sets=[*sets])
    service = environment.services["web"]
    assert isinstance(service, DemoService)
    assert [user.name for user in service.users] == ["q"]
    assert service.mode == "voting"
    assert service.settings == {"log.dirs": 5}
    assert "new" in environment.services


@pytest.mark.parametrize(
    ("text", "code", "underlined", "hint"),
    [
        ("services.wob.memory=1GiB", "spec/set", "wob", 'did you mean "web"?'),
        ("services.web.memry=1GiB", "spec/unknown-key", "memry", 'did you mean "memory"?'),
        ("services.web.memory=12", "spec/unit", "12", "did you mean 12MiB?"),
        ("name.x=1", "spec/set", "x", ""),
        ("services.web.users.5.name=x", "spec/set", "5", "items are 0 to 1"),
        ("services.web.users.first=x", "spec/set", "first", "items are 0 to 1"),
        ("a..b=1", "spec/set", ".", "such as --set services.web.replicas=5"),
        ("=1", "spec/set", "=", "such as --set services.web.replicas=5"),
        ("services.web.place.hosts=[n7]", "spec/unknown-host", "n7", "known: n1, n2, n3"),
    ],
)
def test_a_wrong_set_is_underlined_in_what_was_typed(
    tmp_path: Path, text: str, code: str, underlined: str, hint: str
) -> None:
    spec = HOSTS + "services: {web: {engine: demo, on: dc, users: [{name: a}, {name: b}]}}\n"
    error = mistake(tmp_path, spec, sets=[text])
    assert (error.code, spanned(error.where), error.hint) == (code, underlined, hint)
    assert isinstance(error.where, Place)
    assert error.where.text == text


def test_a_set_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    error = mistake(tmp_path, SPEC, sets=["services.web.users={a"])
    assert error.code == "spec/syntax"


def test_a_set_without_value_is_refused(tmp_path: Path) -> None:
    assert mistake(tmp_path, SPEC, sets=["services.web"]).code == "spec/set"
