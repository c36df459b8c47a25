"""A kernel setting: a sysctl, or transparent_hugepage. Set now and at every boot."""

from __future__ import annotations

import contextlib
import os

from . import places
from .found import Found
from .host import Host, Item
from .shell import RefusedError

HUGEPAGE = "/sys/kernel/mm/transparent_hugepage/enabled"


def path_of(name: str) -> str:
    return HUGEPAGE if name == "transparent_hugepage" else f"/proc/sys/{name.replace('.', '/')}"


def current(name: str) -> str:
    """The value in force; "" when the kernel has no such setting."""
    try:
        with open(path_of(name), encoding="ascii") as file:
            text = " ".join(file.read().split())
    except OSError:
        return ""
    chosen = text.partition("[")[2].partition("]")[0]  # one of several
    return chosen or text


def kept_in(environment: str, name: str) -> tuple[str, str]:
    """The file that sets it at boot, and the line in it less the value."""
    if name == "transparent_hugepage":
        return places.below(
            f"/etc/tmpfiles.d/opsctl-{environment}-{name}.conf"
        ), f"w {HUGEPAGE} - - - -"
    return places.below(f"/etc/sysctl.d/60-opsctl-{environment}-{name}.conf"), f"{name} ="


def observe(host: Host, item: Item) -> Found:
    value = current(item["name"])
    path, line = kept_in(host.environment["name"], item["name"])
    wanted = f"{line} {item['desired'].get('value')}\n"
    try:
        with open(path, encoding="utf-8") as file:
            kept = file.read() == wanted
    except FileNotFoundError:
        kept = False
    return Found({"value": value, "at boot": "yes" if kept else "no"})


def change(host: Host, items: list[Item]) -> None:
    """Raises hosts/kernel when the kernel refuses a value."""
    for item in items:
        name, value = item["name"], str(item["desired"]["value"])
        path, line = kept_in(host.environment["name"], name)
        places.make_folder(os.path.dirname(path))
        places.write(path, f"{line} {value}\n".encode(), 0o644)
        if current(name) == value:
            continue
        try:
            with open(path_of(name), "w", encoding="ascii") as file:
                file.write(value)
        except OSError as error:
            message = f"{name} can't be set to {value}: {error.strerror}"
            hint = "in a container its host sets it; kernel: check leaves it alone"
            raise RefusedError("hosts/kernel", message, hint) from error


def remove(host: Host, names: list[str]) -> None:
    """What set it at boot goes; the value in force stays until then."""
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(kept_in(host.environment["name"], name)[0])
