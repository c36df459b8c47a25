"""Files that a running pod takes in without a restart, and what it must be told to do so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from opsctl.ports.secrets import Secrets
from opsctl.targets.kubernetes.commands import program
from opsctl.targets.kubernetes.fingerprints import digest, fill, keyed
from opsctl.targets.kubernetes.scripts import PUT
from opsctl.targets.kubernetes.site import Placed, Put, Site
from opsctl.targets.kubernetes.sources import literals
from opsctl.workload import Component, ConfigFile


@dataclass(frozen=True, slots=True)
class Told:
    """A program to run in a container of the pod; it ends with 0 when that is done. What comes on
    its standard input may be secret."""

    component: str
    argv: tuple[str, ...]
    stdin: str = field(default="", repr=False)
    timeout: float = 30.0  # seconds


def puts(placed: Placed) -> tuple[Put, ...]:
    """Files that need no restart, each once; what needs nothing first: a reload may read it."""
    found: dict[str, Put] = {}
    for component in placed.member.components:
        for file in component.all_files:
            if file.life == "managed" and file.effect != "restart":
                found.setdefault(file.path, _put(placed, component, file))
    return tuple(sorted(found.values(), key=lambda put: bool(put.reload)))


def _put(placed: Placed, component: Component, file: ConfigFile) -> Put:
    return Put(
        component=component.name,
        path=file.path,
        mode=file.mode,
        text=file.text,
        names=tuple((one, placed.site.host(one)) for one in literals(file.text)),
        check=file.check,
        reload=component.command.reload if file.effect == "reload" else (),
    )


def fingerprint(site: Site, files: Iterable[Put], secrets: Secrets) -> str | None:
    """Of what a pod has in these files; None while one of their secrets can't be known here."""
    known = list(files)
    frame = digest([[put.path, put.mode, site.masked(put.text)] for put in known])
    hidden = [put.text for put in known if put.text.derived]
    if not hidden:
        return frame
    values = keyed(site, hidden, secrets)
    return None if values is None else digest([frame, values])


def telling(site: Site, files: Iterable[Put], secrets: Secrets) -> tuple[Told, ...] | None:
    """What makes a running pod take the files in, in order: all are put in place, each if its check
    accepts it, then every component reloads once. None while a secret can't be known here."""
    told: list[Told] = []
    reloads: dict[tuple[str, tuple[str, ...]], None] = {}
    for put in files:
        content = fill(site, put.text, secrets)
        if content is None:
            return None
        told.append(_placing(put, content))
        if put.reload:
            reloads[put.component, put.reload] = None
    return (*told, *(Told(component, tuple(program(argv))) for component, argv in reloads))


def _placing(put: Put, content: str) -> Told:
    waiting = f"{put.path}.opsctl-new"
    check = [waiting if word == "{file}" else word for word in put.check]
    names = "".join(f"{member} {name}\n" for member, name in put.names)
    return Told(
        put.component,
        ("sh", "-c", PUT, "put", put.mode, put.path, *(program(check) if check else ())),
        f"{names}\n{content}",
    )
