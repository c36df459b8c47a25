"""The whole spec, after parsing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, SerializeAsAny

from opsctl.errors import Place
from opsctl.model.base import Keys, Model, Name
from opsctl.model.files import beside
from opsctl.model.monitoring import ExistingPrometheus, Grafana, Monitoring
from opsctl.model.routes import Route
from opsctl.model.secrets import Secrets
from opsctl.model.services import ServiceBase
from opsctl.model.targets import Target
from opsctl.model.tree import Node, Plain, Table, find, plain


class Environment(Model):
    """What one environment is made of; `load` makes it from files."""

    noun = "a spec"
    opsctl: Literal[1] = Field(description="The version of this schema.")
    name: Name = Field(description="The environment's name, as people see it.")
    id: Name = Field(
        default_factory=lambda read: str(read.get("name", "")),
        description="What binds it to its hosts; keep it when you rename. Left out: the name.",
    )
    targets: dict[Name, Target] = Field({}, description="Where services run.")
    services: dict[Name, SerializeAsAny[ServiceBase]] = Field({}, description="What runs.")
    routes: dict[Name, Route] = Field({}, description="How clients reach services.")
    monitoring: Monitoring | None = Field(None, description="Metrics, alerts and dashboards.")
    secrets: Secrets = Field(Secrets(), description="Where secrets are kept.")
    drills: Literal["refused", "allowed"] = Field(
        "refused", description="Whether `opsctl drill` may break things here."
    )

    _tree: Node = PrivateAttr(default_factory=Table)
    _read_with: Environment | None = PrivateAttr(None)
    _engines: Mapping[str, type[ServiceBase]] = PrivateAttr(default_factory=dict)

    @property
    def timekeeper(self) -> str:
        """The first engine to be had here that keeps time, whether the spec has one or not; "" for
        none. Engines may be imported for it."""
        return next((name for name, engine in self._engines.items() if engine.keeps_time), "")

    @property
    def document(self) -> dict[str, Any]:
        """The merged spec as it was written, but with the text of the certificates that it names
        by their file: plain data for JSON, without defaults."""
        data = plain(self._tree)
        assert isinstance(data, dict)
        return data

    @property
    def grafana(self) -> Grafana | None:
        """Where dashboards are pushed, if the spec says so."""
        return self.monitoring.grafana if self.monitoring is not None else None

    @property
    def prometheus(self) -> ExistingPrometheus | None:
        """The Prometheus of others that collects, if the spec names one."""
        return self.monitoring.prometheus if self.monitoring is not None else None

    def watched_from(self, on: str) -> tuple[str, ...]:
        """The targets whose services are watched from `on`, itself first."""
        monitoring = self.monitoring
        return monitoring.targets if monitoring is not None and monitoring.on == on else (on,)

    def with_defaults(self) -> dict[str, Plain]:
        """The spec with every default written out, as plain data."""
        data: dict[str, Plain] = self.model_dump(mode="json", exclude_none=True)
        return data

    def place(self, keys: Keys, *, key: bool = False) -> Place | None:
        """Where the value at `keys` was written (its key for maps and lists, or with `key`)."""
        entry = find(self._tree, keys)
        return entry.spot(key=key) if entry is not None else None

    def written(self, keys: Keys) -> bool:
        """Whether something stands at `keys`, and is not only implied."""
        return find(self._tree, keys) is not None

    def beside(self, keys: Keys, path: str) -> Path:
        """`path`, which stands at `keys`: `~` expanded, else beside the file that set it. Where
        this was read back: beside the file that sets `keys` in the spec that it was read with, or
        beside that one's first file."""
        if self._read_with is not None:
            return self._read_with.beside(keys, path)
        return beside(self.place(keys) or self.place(()), path)
