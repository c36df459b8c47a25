"""From files to the parts of an environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl import __version__
from opsctl.data import catalogue, renderer
from opsctl.discovery import engines, option_models
from opsctl.errors import OpsError
from opsctl.flow.parts import Parts, Versions
from opsctl.model import Environment, KubernetesTarget, load, load_data
from opsctl.wiring.places import cache_folder, folder_of, lock_ttl, state_folder, who
from opsctl.wiring.safe import open_secrets

if TYPE_CHECKING:
    from opsctl.clients.lockfile import LockFile
    from opsctl.flow.reading import Live
    from opsctl.monitoring import Catalogue
    from opsctl.ports import Record, Secrets, Target
    from opsctl.workload import Quiet, Workload


@dataclass(frozen=True, slots=True)
class _Call:
    """How opsctl was called."""

    folder: Path
    unsupported: bool
    versions: Versions = field(default_factory=dict)  # over opsctl.lock's
    force_conflicts: bool = False
    hasty: bool = False


def parts(
    files: Sequence[Path],
    sets: Sequence[str] = (),
    *,
    unsupported: bool = False,
    force_conflicts: bool = False,
    hasty: bool = False,
) -> Parts:
    """Everything a use case needs, for the spec in `files`. Raises OpsErrors for its mistakes.

    `hasty`: hosts that say nothing when others do are soon taken for dead.
    """
    spec = load(files, sets, engines=option_models())
    call = _Call(folder_of(files), unsupported, force_conflicts=force_conflicts, hasty=hasty)
    return _parts(call, spec)


def _parts(call: _Call, spec: Environment) -> Parts:
    from opsctl.clients.lockfile import LockFile

    path, kept = LockFile.of(spec.id, call.folder)
    lock = kept.merged(__version__, packages=call.versions)
    secrets = open_secrets(spec, call.folder, lock)
    made = Parts(
        environment=spec,
        engines=engines(),
        targets={name: _target(call, spec, name, secrets, lock) for name in sorted(spec.targets)},
        secrets=secrets,
        render=lambda engine: renderer(engine.templates, cache_folder() / "templates"),
        catalogue=_catalogue,
        who=who(),
        pid=os.getpid(),
        copy_record=_copier(spec.id),
        with_document=lambda document: _parts(
            call, load_data(document, engines=option_models(), read_with=spec)
        ),
        with_versions=lambda versions: _parts(replace(call, versions=versions), spec),
        keep_versions=_keeper(spec.id, call.folder),
        versions=lock.packages,
        lock_ttl=lock_ttl(),
        generations=lock.generations,
        lock_file=path.name,
    )
    return replace(
        made,
        measured=lambda workloads: _measured(made, workloads),
        silence=lambda quiet: _silence(made, quiet),
    )


def _measured(parts: Parts, workloads: Mapping[str, Workload]) -> Mapping[str, Live]:
    from opsctl.wiring.watching import measured

    return measured(parts, workloads)


def _silence(parts: Parts, quiet: Quiet) -> None:
    from opsctl.wiring.alerting import silence

    silence(parts, quiet)


def _catalogue(name: str) -> Catalogue:
    """Empty for an engine that brings none, as those of other packages do."""
    try:
        return catalogue(name)
    except OpsError as error:
        if error.code != "data/missing":
            raise
    from opsctl.monitoring import Catalogue

    return Catalogue()


def _target(call: _Call, spec: Environment, name: str, secrets: Secrets, lock: LockFile) -> Target:
    written = spec.targets[name]
    if isinstance(written, KubernetesTarget):
        from opsctl.wiring.kubernetes import kubernetes_target

        return kubernetes_target(
            spec,
            name,
            written,
            secrets,
            cache=cache_folder() / spec.id,
            force_conflicts=call.force_conflicts,
        )
    from opsctl.wiring.hosts import hosts_target

    return hosts_target(
        spec,
        name,
        written,
        secrets,
        cache=cache_folder() / spec.id,
        locked=lock.packages,
        unsupported=call.unsupported,
        hasty=call.hasty,
    )


def _copier(environment_id: str) -> Callable[[Record], None]:
    folder = state_folder() / environment_id

    def copy(record: Record) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / "journal.jsonl").open("a") as file:
            file.write(json.dumps(asdict(record)) + "\n")

    return copy


def _keeper(environment_id: str, folder: Path) -> Callable[[str, Mapping[str, str]], None]:
    def keep(target: str, versions: Mapping[str, str]) -> None:
        from opsctl.clients.lockfile import LockFile

        path, lock = LockFile.of(environment_id, folder)
        lock.merged(__version__, packages={target: dict(versions)}).save(path)

    return keep
