"""Files and --set to an Environment. All mistakes of a document are reported together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from opsctl.errors import OpsError, OpsErrors, Place, SpecError
from opsctl.model.balancers import with_balancers
from opsctl.model.base import check_name
from opsctl.model.checking import check_references
from opsctl.model.environment import Environment
from opsctl.model.explaining import explain, where
from opsctl.model.files import read
from opsctl.model.inlining import with_texts
from opsctl.model.monitors import with_monitoring
from opsctl.model.presenting import presentable
from opsctl.model.routing import check_routes
from opsctl.model.services import ServiceBase
from opsctl.model.setting import apply_set
from opsctl.model.tree import Leaf, Node, Plain, Table, find, from_plain, merge, plain
from opsctl.model.words import did_you_mean

Engines: TypeAlias = Mapping[str, type[ServiceBase]]
"""The engines that are known: the keys of each one's services, by its name."""

SCHEMA = 1
_M = TypeVar("_M", bound=BaseModel)


def load(files: Sequence[Path], sets: Sequence[str] = (), *, engines: Engines) -> Environment:
    """The environment that the files describe, merged in their order, then each of `sets`.

    Raises OpsErrors with every mistake found, each with its place and code "spec/...".
    """
    layers, mistakes = list[Node](), list[OpsError]()
    for file in files:
        try:
            layers.append(_as_table(read(file), file))
        except OpsErrors as errors:
            mistakes += errors.errors
    if mistakes:
        raise OpsErrors(tuple(mistakes))
    tree: Node = Table()
    for layer in layers:
        tree = merge(tree, layer)
    if files and not sets and isinstance(tree, Table) and not tree.entries:
        raise OpsErrors(
            (_no_map(str(files[0]), "a spec is a map of keys, and nothing stands here"),)
        )
    for text in sets:
        tree = apply_set(tree, text)
    return build(*with_texts(tree, engines), engines=engines)


def load_data(
    document: Mapping[str, Plain], *, engines: Engines, read_with: Environment | None = None
) -> Environment:
    """The environment of a document that was saved (Environment.document). It has no places: its
    relative paths mean what they mean in `read_with`, or beside the current folder without it."""
    environment = build(merge(Table(), from_plain(dict(document))), engines=engines)
    environment._read_with = read_with
    return environment


def build(tree: Node, found: Iterable[OpsError] = (), *, engines: Engines) -> Environment:
    """The environment that a merged tree says; raises OpsErrors with every mistake, those that
    were `found` before among them."""
    _check_schema(tree)
    mistakes = list(found)
    services: dict[str, ServiceBase] = {}
    for name, entry in _services(tree).items():
        try:
            service = _build_service(name, entry, tree, engines)
        except OpsErrors as errors:
            mistakes += errors.errors
        else:
            services[name] = service
    environment = _build_rest(tree, mistakes)
    if environment is not None:
        environment = environment.model_copy(update={"services": services})
        environment._tree = tree
        environment._engines = engines
        mistakes += check_references(environment, tree)
        if not mistakes:
            environment, unmade = with_balancers(environment, engines)
            environment = with_monitoring(environment, engines)
            mistakes += unmade or check_routes(environment)
    if mistakes or environment is None:
        raise OpsErrors(presentable(mistakes))
    return environment


def _as_table(node: Node, file: Path) -> Table:
    if isinstance(node, Table):
        return node
    raise OpsErrors((_no_map(node.place or str(file), "a spec is a map of keys"),))


def _no_map(where: Place | str, words: str) -> SpecError:
    return SpecError("spec/wrong-type", words, where=where, hint="`opsctl init` starts a spec")


def _check_schema(tree: Node) -> None:
    entry = find(tree, ("opsctl",))
    value = entry.node.value if entry and isinstance(entry.node, Leaf) else None
    if isinstance(value, int) and value > SCHEMA:
        mistake = SpecError(
            "spec/newer-schema",
            f"this spec was written for a newer opsctl (schema {value}; this one reads {SCHEMA})",
            where=where(tree, ("opsctl",)),
            hint="install a newer opsctl",
        )
        raise OpsErrors((mistake,))


def _services(tree: Node) -> Mapping[str, Node]:
    entry = find(tree, ("services",))
    if entry is None or not isinstance(entry.node, Table):
        return {}
    return {name: inner.node for name, inner in entry.node.entries.items()}


def _build_service(name: str, node: Node, tree: Node, engines: Engines) -> ServiceBase:
    keys = ("services", name)
    mistakes = list(_name_mistakes(name, tree))
    if not isinstance(node, Table):
        mistakes.append(
            SpecError(
                "spec/wrong-type",
                f'the service "{name}" wants a map',
                where=where(tree, keys),
                hint="such as {engine: ..., on: ...}",
            )
        )
        raise OpsErrors(tuple(mistakes))
    model = _model_of(name, tree, engines)
    try:
        service = _validated(model, node)
    except ValidationError as error:
        mistakes += explain(error, model, tree, keys)
        raise OpsErrors(tuple(mistakes)) from None
    if mistakes:
        raise OpsErrors(tuple(mistakes))
    return service


def _model_of(name: str, tree: Node, engines: Engines) -> type[ServiceBase]:
    keys = ("services", name, "engine")
    entry = find(tree, keys)
    if entry is None:
        mistake = SpecError(
            "spec/missing-key",
            f'the service "{name}" needs the key "engine"',
            where=where(tree, keys[:2], key=True),
            hint=did_you_mean("", engines),
        )
        raise OpsErrors((mistake,))
    engine = entry.node.value if isinstance(entry.node, Leaf) else None
    if not isinstance(engine, str) or engine not in engines:
        mistake = SpecError(
            "spec/unknown-engine",
            f'there is no engine "{plain(entry.node)}"',
            where=where(tree, keys),
            hint=did_you_mean(str(engine), engines),
        )
        raise OpsErrors((mistake,))
    return engines[engine]


def _name_mistakes(name: str, tree: Node) -> Iterator[SpecError]:
    try:
        check_name(name)
    except PydanticCustomError as error:
        context = error.context or {}
        spot = where(tree, ("services", name), key=True)
        yield SpecError(error.type, context["said"], where=spot, hint=context["hint"])


def _build_rest(tree: Node, mistakes: list[OpsError]) -> Environment | None:
    assert isinstance(tree, Table)
    services = tree.entries.get("services")
    entries = dict(tree.entries)
    if services is not None and isinstance(services.node, Table):
        del entries["services"]  # each is read by its engine's model
    try:
        return _validated(Environment, Table(entries, tree.place))
    except ValidationError as error:
        mistakes += explain(error, Environment, tree)
    return None


def _validated(model: type[_M], node: Node) -> _M:
    """Strict, by way of JSON, in which a list may become a tuple but a text no number."""
    return model.model_validate_json(json.dumps(plain(node)), strict=True)
