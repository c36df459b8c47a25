"""Distribution packages, through apt."""

from __future__ import annotations

import functools
import os
from typing import Any

from . import apt, places
from .found import Found
from .host import Host, Item
from .shell import RefusedError, run

ANY = "any"
LISTS = "/var/lib/apt/lists"


def matches(installed: str, wanted: str) -> bool:
    """Whether a Debian version is the one wanted: exactly, or by leading parts ("8", "8.0")."""
    if wanted in (ANY, "", installed):
        return True
    upstream = installed.partition(":")[2] or installed
    upstream = upstream.rpartition("-")[0] or upstream
    return upstream == wanted or upstream.startswith((f"{wanted}.", f"{wanted}-", f"{wanted}+"))


def observe(host: Host, item: Item) -> Found:
    installed = host.package(item["name"])
    if not installed:
        return Found(None)
    wanted = item["desired"].get("version") or ANY
    return Found({"version": wanted if matches(installed, wanted) else installed})


def candidates(item: Item) -> list[str]:
    """Versions that apt knows, newest first; empty when its lists are empty or lack the name."""
    folder = places.below(LISTS)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    plain = [f"{folder}/{name}" for name in names if name.endswith("_Packages")]
    if not plain:  # compressed, or never fetched
        answer = run(["apt-cache", "madison", item["name"]], timeout=30)
        rows = (line.split("|") for line in answer.out.splitlines())
        return [row[1].strip() for row in rows if len(row) > 1]
    # apt-cache would build its own cache first, which takes a second of a processor.
    found = {version for path in plain for version in _listed(path, item["name"])}
    return sorted(found, key=functools.cmp_to_key(_older), reverse=True)


def _listed(path: str, name: str) -> list[str]:
    """The versions of a package in one of apt's lists."""
    import mmap  # only here: most looks find every package in place

    if not os.path.getsize(path):
        return []
    mark, found = f"Package: {name}\n".encode(), []
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        start = text.find(mark)
        while start >= 0:
            if start == 0 or text[start - 1 : start] == b"\n":
                stanza = text[start : text.find(b"\n\n", start)].decode(errors="replace")
                lines = stanza.splitlines()
                found += [line[9:].strip() for line in lines if line.startswith("Version: ")]
            start = text.find(mark, start + 1)
    return found


def _older(one: str, other: str) -> int:
    """Debian's order of versions: -1, 0 or 1."""
    if one == other:
        return 0
    return -1 if run(["dpkg", "--compare-versions", one, "lt", other], timeout=10).exit == 0 else 1


def change(host: Host, items: list[Item]) -> None:
    """Install them all at once. Raises hosts/no-version, /package-lock, /no-packages, /packages."""
    settings = host.options.get("apt", {})
    for item in items:
        if not host.package(item["name"]):
            host.manifest.resources[item["key"]]["ours"] = True
    host.manifest.save()
    try:
        apt.install(_chosen(items), settings)
    except apt.StaleListsError:
        apt.update(settings)
        try:
            apt.install(_chosen(items), settings)
        except apt.StaleListsError as error:
            raise RefusedError("hosts/no-packages", str(error), "is the mirror whole?") from error
    host.forget()


def _chosen(items: list[Item]) -> list[str]:
    """What apt is asked for. Raises StaleListsError when its lists lack something."""
    chosen = []
    for item in items:
        wanted = item["desired"].get("version") or ANY
        if wanted == ANY:
            chosen.append(item["name"])
            continue
        known = candidates(item)
        version = next((one for one in known if matches(one, wanted)), None)
        if version is None:
            raise apt.StaleListsError(no_version(item["name"], wanted, known))
        chosen.append(f"{item['name']}={version}")
    return chosen


def newest(packages: dict[str, str], settings: dict[str, Any]) -> dict[str, str]:
    """The newest version of each that apt's sources have now and that is wanted. Fetches the lists;
    raises hosts/no-version, and what that may."""
    apt.update(settings)
    found = {}
    for name, wanted in packages.items():
        known = candidates({"name": name})
        version = next((one for one in known if matches(one, wanted)), None)
        if version is None:
            raise RefusedError("hosts/no-version", no_version(name, wanted, known))
        found[name] = version
    return found


def no_version(name: str, wanted: str, known: list[str]) -> str:
    has = f"apt knows {', '.join(known[:5])}" if known else "apt knows no such package"
    return f"{name} {wanted} is not to be had: {has}"


def remove(host: Host, names: list[str]) -> None:
    """Remove those that opsctl brought, unless something else needs them: then they stay."""
    present = [name for name in names if host.package(name)]
    if present:
        run(["dpkg", "--remove", *present], timeout=300, env=apt.QUIET)
        host.forget()
