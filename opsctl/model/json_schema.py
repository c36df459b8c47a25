"""The spec's JSON Schema, for editors and other tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from opsctl.model.environment import Environment
from opsctl.model.loading import Engines
from opsctl.model.quantities import Quantity
from opsctl.model.services import ServiceBase

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(engines: Engines) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a whole spec; services differ by `engine`.

    It is meant for whole specs: an overlay may leave out what it does not change.
    """
    models: list[type[BaseModel]] = [Environment, ServiceBase, *dict.fromkeys(engines.values())]
    references, shared = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_Generator
    )
    definitions: dict[str, Any] = shared["$defs"]
    plain_of = {
        model: definitions.pop(_target(references[model, "validation"])) for model in models
    }
    for name, model in engines.items():
        definitions[f"service-{name}"] = _of_engine(name, plain_of[model])
    top = plain_of[Environment]
    services = top["properties"]["services"]["patternProperties"]
    for pattern in services:
        services[pattern] = _one_of(engines)
    whole = {"$schema": DIALECT, **top, "title": "opsctl spec", "$defs": definitions}
    for part in _objects(whole):
        if "patternProperties" in part:  # a map whose keys are names takes no other keys
            part.setdefault("additionalProperties", False)
    return whole


class _Generator(GenerateJsonSchema):
    """Defaults as people write them, and no titles that only repeat the key."""

    def encode_default(self, dft: Any) -> Any:
        return str(dft) if isinstance(dft, Quantity) else super().encode_default(dft)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def _target(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).removeprefix("#/$defs/")


def _one_of(engines: Engines) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["engine"],
        "properties": {"engine": {"enum": list(engines)}},
        "discriminator": {"propertyName": "engine"},
        "oneOf": [{"$ref": f"#/$defs/service-{name}"} for name in engines],
    }


def _of_engine(name: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of one engine's services; `on`, or else `external`, must be there."""
    engine = {**definition["properties"]["engine"], "const": name}
    return {
        **definition,
        "title": f"A {name} service",
        "properties": {**definition["properties"], "engine": engine},
        "anyOf": [{"required": ["on"]}, {"required": ["external"]}],
    }


def _objects(part: object) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for child in children:
        yield from _objects(child)
