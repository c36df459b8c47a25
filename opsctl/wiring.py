"""The one place where concrete parts are put together."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsctl import __version__
from opsctl.data import renderer
from opsctl.discovery import engines
from opsctl.flow.parts import Parts
from opsctl.model import Environment, KubernetesTarget, load, load_data

if TYPE_CHECKING:
    from opsctl.clients.lockfile import LockFile
    from opsctl.clients.secrets import EnvironmentSecrets
    from opsctl.ports import Record, Secrets, Target


@dataclass(frozen=True, slots=True)
class Call:
    """How opsctl was called: the spec's files, --set values, and what the caller waives."""

    files: tuple[Path, ...]
    sets: tuple[str, ...] = ()
    unsupported: bool = False

    @property
    def folder(self) -> Path:
        """Where the spec lies: opsctl.lock and the secrets file stand beside it."""
        return self.files[0].resolve().parent if self.files else Path.cwd()


def environment(call: Call) -> Environment:
    """The spec. Raises OpsErrors with every mistake and its place."""
    return load(call.files, call.sets, engines=_options())


def _options() -> dict[str, Any]:
    return {name: engine.options for name, engine in engines().items()}


def parts(call: Call) -> Parts:
    """Everything a use case needs, for the spec that `call` names."""
    return _parts(call, environment(call))


def _parts(call: Call, spec: Environment) -> Parts:
    from opsctl.clients.lockfile import NAME, LockFile

    lock = LockFile.load(call.folder / NAME)
    secrets = open_secrets(call, spec, lock)
    return Parts(
        environment=spec,
        engines=engines(),
        targets={
            name: _target(call, spec, name, secrets, lock) for name in sorted(spec.targets)
        },
        secrets=secrets,
        render=lambda engine: renderer(engine.templates),
        who=who(),
        copy_record=_copier(spec.id),
        with_document=lambda document: _parts(call, load_data(document, engines=_options())),
        keep_versions=_keeper(call.folder / NAME),
    )


def open_secrets(call: Call, spec: Environment, lock: LockFile) -> EnvironmentSecrets:
    """The secrets of the environment; nothing is read before a value is asked for."""
    from opsctl.clients.secrets import Variables
    from opsctl.clients.secrets import open_secrets as open_

    return open_(spec, call.folder, lock.generations, Variables.take(os.environ))


def _target(
    call: Call, spec: Environment, name: str, secrets: Secrets, lock: LockFile
) -> Target:
    written = spec.targets[name]
    if isinstance(written, KubernetesTarget):
        from opsctl.targets.kubernetes import kubernetes_target

        return kubernetes_target(name, spec, written.kubernetes, secrets)
    from opsctl.targets.hosts import hosts_target

    return hosts_target(
        name,
        spec,
        written,
        secrets,
        cache_dir=cache_folder() / spec.id,
        versions=lock.packages.get(name, {}),
        unsupported=call.unsupported,
        lab=_lab_hosts(written),
    )


def _lab_hosts(written: Any) -> Any:
    raise NotImplementedError


def who() -> str:
    """Who works, as journals and locks name it: ops@control (pid 4711)."""
    return f"{getpass.getuser()}@{socket.gethostname()} (pid {os.getpid()})"


def cache_folder() -> Path:
    """What can be lost at any time: placement as last seen, connections."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "opsctl"


def state_folder() -> Path:
    """The caller's copy of what was done."""
    default = Path.home() / ".local" / "state"
    return Path(os.environ.get("XDG_STATE_HOME") or default) / "opsctl"


def _copier(environment_id: str) -> Callable[[Record], None]:
    folder = state_folder() / environment_id

    def copy(record: Record) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / "journal.jsonl").open("a") as file:
            file.write(json.dumps(asdict(record)) + "\n")

    return copy


def _keeper(path: Path) -> Callable[[str, Mapping[str, str]], None]:
    def keep(target: str, versions: Mapping[str, str]) -> None:
        from opsctl.clients.lockfile import LockFile

        lock = LockFile.load(path)
        lock.merged(__version__, packages={target: dict(versions)}).save(path)

    return keep


def files_from(names: Sequence[str]) -> tuple[Path, ...]:
    """The spec's files as named on the command line."""
    return tuple(Path(name) for name in names)
