"""An engine of the tests' own, and what the other tests of the model load specs with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import Field

from opsctl.errors import OpsErrors, Place, SpecError
from opsctl.model import (
    Bytes,
    Environment,
    Finding,
    Model,
    Name,
    Replicas,
    Secret,
    ServiceBase,
    load,
)


class User(Model):
    """Somebody who may log in."""

    noun = "a user"
    name: Name = Field(description="The name to log in with.")
    keys: str = Field("*", description="Which keys.")


class DemoService(ServiceBase):
    needs_majority: ClassVar[bool] = True
    can_promise_rpo_zero: ClassVar[bool] = False

    replicas: Replicas = 3
    mode: Literal["voting", "copying"] = "voting"
    memory: Bytes = Field(Bytes(1 << 28), description="The most it takes.")
    users: tuple[User, ...] = Field((), description="Who may log in.")
    license: Secret | None = Field(None, description="What was paid for.")

    def lint(self) -> Iterable[Finding]:
        if self.settings.get("fsync") == "off":
            yield Finding("lint/fsync", "fsync is off", keys=("settings", "fsync"))


ENGINES = {"demo": DemoService}
HEAD = "opsctl: 1\nname: shop\n"
LAB = HEAD + "targets: {dc: {hosts: lab}}\n"
HOSTS = (
    HEAD
    + """\
targets:
  dc:
    hosts:
      n1: {address: 10.0.0.11, rack: a, labels: {disk: nvme}}
      n2: {address: 10.0.0.12, rack: b, labels: {disk: nvme}}
      n3: {address: 10.0.0.13, rack: b}
"""
)


def loaded(tmp_path: Path, *texts: str, sets: Sequence[str] = ()) -> Environment:
    """The environment that the texts describe, each a file of its own: spec0.yaml, ..."""
    files = []
    for index, text in enumerate(texts):
        files.append(tmp_path / f"spec{index}.yaml")
        files[-1].write_text(text)
    return load(files, sets, engines=ENGINES)


def mistakes(tmp_path: Path, *texts: str, sets: Sequence[str] = ()) -> list[SpecError]:
    """The mistakes that are reported for the texts."""
    with pytest.raises(OpsErrors) as caught:
        loaded(tmp_path, *texts, sets=sets)
    found = [error for error in caught.value.errors if isinstance(error, SpecError)]
    assert len(found) == len(caught.value.errors)
    return found


def mistake(tmp_path: Path, *texts: str, sets: Sequence[str] = ()) -> SpecError:
    """The only mistake that is reported for the texts."""
    found = mistakes(tmp_path, *texts, sets=sets)
    assert len(found) == 1, [str(error) for error in found]
    return found[0]


def spanned(where: Place | str | None) -> str:
    """The text that the caret underlines."""
    assert isinstance(where, Place)
    return where.text[where.column - 1 :][: where.length]


def test_the_least_spec_has_a_safe_default_for_all_that_is_left_out(tmp_path: Path) -> None:
    environment = loaded(tmp_path, LAB + "services: {web: {engine: demo, on: dc}}\n")
    service = environment.services["web"]
    assert isinstance(service, DemoService)
    assert (service.replicas, service.mode, service.failover) == (3, "voting", "normal")
    assert service.protect
    assert service.managed
    assert environment.id == "shop"
    assert environment.drills == "refused"
    assert environment.secrets.backend == "file"


def test_a_key_keeps_its_meaning_where_an_engine_changes_only_its_default() -> None:
    described = DemoService.model_fields["replicas"].description
    assert described == ServiceBase.model_fields["replicas"].description
