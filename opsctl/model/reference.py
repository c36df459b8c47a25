"""The reference of the spec as Markdown, made from the models."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from opsctl.model.authorities import Authority
from opsctl.model.codes import ERRORS, FINDINGS
from opsctl.model.environment import Environment
from opsctl.model.loading import Engines
from opsctl.model.quantities import Bytes, Duration
from opsctl.model.services import ServiceBase
from opsctl.model.targets import LabHosts
from opsctl.model.walking import alternatives

_INTRODUCTION = """\
# The spec

<!-- Made from opsctl/model by `python -m opsctl.model > docs/spec.md`. Do not edit. -->

A spec is YAML 1.2: one file, or several given with `-f` that merge in their order (maps merge
deeply, lists replace, `null` takes a key away). `--set services.web.replicas=5` lays one value on
top; a key with dots stands in quotes. Unknown keys are refused.

Quantities carry their unit. Sizes: {bytes}. Durations: {durations}. Only 0 needs none.
A secret is `{{secret: NAME}}`: the secrets backend holds its value.
Paths may begin with `~`; others are relative to the file in which they stand. In a spec
that was kept (`apply --resume`, `rollback`, a saved plan) they are relative to the file that sets
the same key in the spec given now, or to its first file where none does.
"""
_SCALARS = {str: "text", int: "whole number", float: "number", bool: "true or false",
            Bytes: "size", Duration: "duration", LabHosts: "`lab` or `lab:NAME`",
            Authority: "file or PEM"}  # fmt: skip


def reference_markdown(engines: Engines) -> str:
    """The page about every key, then each engine's own keys, then the codes."""
    units = {kind: ", ".join(f"`{unit}`" for unit in kind.units) for kind in (Bytes, Duration)}
    parts = [_INTRODUCTION.format(bytes=units[Bytes], durations=units[Duration])]
    shown: dict[type[BaseModel], None] = {}
    parts += _sections(Environment, "The whole", shown)
    parts += _sections(ServiceBase, "A service", shown)
    for name, model in engines.items():
        parts.append(service_markdown(name, model))
    parts.append(_codes("Errors", ERRORS))
    parts.append(_codes("Findings of the linter", FINDINGS))
    return "\n".join(parts)


def service_markdown(name: str, model: type[ServiceBase]) -> str:
    """The section about the keys that one engine adds, or whose default it changes."""
    own = {
        key: field
        for key, field in model.model_fields.items()
        if key not in ServiceBase.model_fields
        or field.annotation != ServiceBase.model_fields[key].annotation
        or field.default != ServiceBase.model_fields[key].default
    }
    shown: dict[type[BaseModel], None] = dict.fromkeys([model])
    parts = [f"## A service of engine `{name}`\n\n{_table(own)}"]
    for inner in _inner_models(own):
        if inner not in _common_models():
            parts += _sections(inner, _title(inner), shown)
    return "\n".join(parts)


def _sections(
    model: type[BaseModel], title: str, shown: dict[type[BaseModel], None]
) -> Iterator[str]:
    """The section of a model, then those of the models in it, each once."""
    if model in shown:
        return
    shown[model] = None
    text = (model.__doc__ or "").partition("\n\n")[0]
    if model.model_fields and model is not LabHosts:
        heading = f"## {title}\n\n" + (f"{text}\n\n" if text else "")
        yield heading + _table(model.model_fields)
    for inner in _inner_models(model.model_fields):
        if not issubclass(inner, ServiceBase):
            yield from _sections(inner, _title(inner), shown)


def _title(model: type[BaseModel]) -> str:
    noun = str(getattr(model, "noun", "")) or model.__name__
    return noun[:1].upper() + noun[1:]


def _common_models() -> dict[type[BaseModel], None]:
    shown: dict[type[BaseModel], None] = {}
    list(_sections(Environment, "", shown))
    list(_sections(ServiceBase, "", shown))
    return shown


def _inner_models(fields: Mapping[str, FieldInfo]) -> Iterator[type[BaseModel]]:
    for field in fields.values():
        yield from _models_in(field.annotation)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    for kind in alternatives(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
        elif get_origin(kind) is not Literal:
            for inner in get_args(kind):
                yield from _models_in(inner)


def _table(fields: Mapping[str, FieldInfo]) -> str:
    rows = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    for key, field in fields.items():
        cells = (f"`{key}`", _takes(field.annotation), _default(field), field.description or "")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _takes(annotation: object) -> str:
    words = [_word(kind) for kind in alternatives(annotation) if kind is not types.NoneType]
    return " or ".join(dict.fromkeys(words))


def _word(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _SCALARS:
        return _SCALARS[kind]
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if origin in (tuple, list, set, frozenset):
        return f"list of {_takes(arguments[0])}"
    if origin is dict:
        return f"map of {_takes(arguments[1])}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        title = _title(kind)
        return f"[{title[:1].lower()}{title[1:]}](#{title.lower().replace(' ', '-')})"
    return "any" if not isinstance(kind, type) else kind.__name__


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if field.default_factory is not None or value is None or value in ("", (), {}):
        return ""
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def _codes(title: str, codes: Mapping[str, str]) -> str:
    rows = [f"## {title}\n", "| code | means |", "|---|---|"]
    rows += [f"| `{code}` | {meaning} |" for code, meaning in codes.items()]
    return "\n".join(rows) + "\n"
