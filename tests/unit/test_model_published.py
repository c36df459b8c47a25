"""What is published of the spec: JSON Schema, reference, examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from test_model_demo import ENGINES, HEAD, HOSTS, LAB, DemoService, loaded, mistakes
from test_model_loading import EVERYTHING, WEB

from opsctl.model import reference_markdown, schema, service_markdown
from opsctl.model.codes import ERRORS, FINDINGS
from opsctl.model.tree import plain
from opsctl.model.yaml_text import parse

ROOT = Path(__file__).parents[2]
ENVIRONMENT_SCHEMA = schema({**ENGINES, "other": DemoService})


def faults(document: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(ENVIRONMENT_SCHEMA)
    return [error.message for error in validator.iter_errors(document)]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(ENVIRONMENT_SCHEMA)


@pytest.mark.parametrize("text", [EVERYTHING, HEAD, LAB, HOSTS + WEB % "replicas: 3"])
def test_the_schema_accepts_what_the_models_accept(tmp_path: Path, text: str) -> None:
    environment = loaded(tmp_path, text)
    assert faults(environment.document) == []
    assert faults(environment.with_defaults()) == []


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "wat: 1\n",
        "opsctl: 1\nname: Shop\n",
        LAB + WEB % "replica: 3",
        LAB + WEB % "memory: 256",
        LAB + WEB % "mode: sideways",
        LAB + WEB % "license: hunter22",
        LAB + "services: {web: {engine: none, on: dc}}\n",
        LAB + "services: {web: {engine: demo}}\n",
        LAB + "services: {We_b: {engine: demo, on: dc}}\n",
        HEAD + "targets: {dc: {hosts: lap}}\n",
        HEAD + "targets: {dc: {hosts: {n1: {adress: x}}}}\n",
    ],
)
def test_the_schema_refuses_what_the_models_refuse(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)
    assert faults(plain(parse(text, "spec.yaml")))


def test_defaults_in_the_schema_are_written_as_people_write_them() -> None:
    services = ENVIRONMENT_SCHEMA["$defs"]["service-demo"]["properties"]
    assert services["memory"]["default"] == "256MiB"
    assert services["engine"]["const"] == "demo"
    assert services["replicas"]["description"]


def test_the_reference_is_up_to_date() -> None:
    """`.venv/bin/python -m opsctl.model > docs/spec.md` renews it."""
    assert (ROOT / "docs" / "spec.md").read_text() == reference_markdown({})


def test_the_reference_of_an_engine_shows_what_it_adds_or_changes() -> None:
    section = service_markdown("demo", DemoService)
    assert "| `memory` | size | `256MiB` | The most it takes. |" in section
    assert "| `replicas` |" in section
    assert "| `failover` |" not in section
    assert "## A user" in section
    assert section in reference_markdown(ENGINES)


def test_every_key_has_a_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", reference_markdown(ENGINES), re.MULTILINE)
    assert len(rows) > 80
    assert [key for key, meaning in rows if not meaning.strip()] == []


def test_every_code_that_is_said_is_in_the_list() -> None:
    said: set[str] = set()
    for file in (ROOT / "opsctl" / "model").glob("*.py"):
        if file.name != "codes.py":
            said |= set(re.findall(r'"((?:spec|lint)/[a-z-]+)"', file.read_text()))
    said -= {"spec/kebab-case", "lint/kebab-case"}  # docstrings
    kinds = {f"spec/unknown-{what}" for what in ("target", "service", "host")}
    assert said | kinds == set(ERRORS) | set(FINDINGS)


def test_no_engine_is_named_in_the_model() -> None:
    engines = re.compile(r"redis|valkey|postgres|rabbit|kafka|sentinel", re.IGNORECASE)
    for file in (ROOT / "opsctl" / "model").glob("*.py"):
        assert not engines.search(file.read_text()), file.name


@pytest.mark.parametrize("name", ["minimal", "production", "overlay-staging", "either"])
def test_an_example_is_yaml_that_the_reader_takes(name: str) -> None:
    """Its meaning is tested with the engine it uses."""
    path = ROOT / "examples" / f"{name}.yaml"
    assert plain(parse(path.read_text(), path))
