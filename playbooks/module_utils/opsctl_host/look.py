"""One look: every asked thing, what is owned, lock, journal head, and what stands in the way."""

from __future__ import annotations

import os
from typing import Any

from . import (
    apt,
    asking,
    clock,
    facts,
    firewall,
    journal,
    kernel,
    maintenance,
    package,
    places,
)
from .found import Found
from .host import Host, Item
from .kinds import KINDS
from .lock import Lock
from .manifest import kind_and_name, namesake
from .shell import RefusedError


def look(host: Host, asked: dict[str, Any]) -> dict[str, Any]:
    """`asked`: items, queries, wishes (kernel settings), volumes, documents (how many).

    Also floating (addresses), None when no host of the target may get one.
    """
    name = host.environment["name"]
    # First: whoever changes something while this looks is found by it, or by a newer token.
    lock = Lock(name).head()
    items: list[Item] = asked["items"]
    units = [item["name"] for item in items if item["kind"] in ("unit", "timer", "mask")]
    host.glance([*units, *(one["unit"] for one in asked["queries"])])
    found = {item["key"]: observed(host, item) for item in items}
    manifest = host.manifest
    stranger = manifest.stranger
    return {
        "actual": {key: one.wire() for key, one in found.items()},
        "owned": {} if stranger else manifest.resources,
        "seats": {} if stranger else manifest.seats,
        "stranger": stranger,
        "namesake": namesake(host.environment["id"], name),
        "answers": _ask(host, asked["queries"]),
        "wishes": {wish: kernel.current(wish) for wish in asked["wishes"]},
        "floating": _floating(host, asked["floating"]),
        "lock": lock,
        "clock": clock.kept(),
        "maintenance": maintenance.live(name),
        "journal": journal.head(name),
        "documents": journal.documents(name, int(asked["documents"])),
        "problems": [*_versions(items, found), *_blocked(host, items, found), *_room(asked)],
        "packages": {i["name"]: host.package(i["name"]) for i in items if i["kind"] == "package"},
    }


def observed(host: Host, item: Item) -> Found:
    found: Found = KINDS[item["kind"]].observe(host, item)
    return found


def _floating(host: Host, asked: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    """Most hosts have none, and what asks a network takes long to import."""
    if asked is None:
        return None
    from . import floating

    return floating.seen(host, asked)


def _ask(host: Host, queries: list[dict[str, Any]]) -> list[Any]:
    """Answers of members whose unit runs; [-1, "", its state] for others; None without a unit."""
    running = []
    for index, one in enumerate(queries):
        if host.unit(one["unit"]).get("ActiveState") == "active":
            running.append(index)
    given = asking.answers([queries[index] for index in running], reading=True)
    answers = dict(zip(running, given))
    return [answers.get(index) or _silent(host, one) for index, one in enumerate(queries)]


def _silent(host: Host, one: dict[str, Any]) -> Any:
    state = host.unit(one["unit"])
    if state.get("LoadState") != "loaded":
        return None
    return [-1, "", f"{one['unit']} is {state.get('ActiveState')} ({state.get('SubState')})"]


def _versions(items: list[Item], found: dict[str, Found]) -> list[dict[str, Any]]:
    """Package versions that this host can't get, and a package system that is not fit for it."""
    due = [
        item
        for item in items
        if item["kind"] == "package" and found[item["key"]].differs(item["desired"])
    ]
    problems = []
    for item in due:
        wanted = item["desired"].get("version") or package.ANY
        known = package.candidates(item) if wanted != package.ANY else []
        if known and not any(package.matches(one, wanted) for one in known):
            message = package.no_version(item["name"], wanted, known)
            hint = "ask for a version that the host's mirror has"
            problems.append({"code": "hosts/no-version", "message": message, "hint": hint})
    updates = places.below("/var/lib/dpkg/updates")
    if due and os.path.isdir(updates) and os.listdir(updates) and not apt.busy():
        message = "an installation was interrupted here and dpkg waits for its end"
        hint = "dpkg --configure -a"
        problems.append({"code": "hosts/dpkg-interrupted", "message": message, "hint": hint})
    if due and not os.path.exists("/usr/bin/apt-get"):
        problems.append({"code": "hosts/no-apt", "message": "there is no apt-get", "hint": ""})
    return problems


def _blocked(host: Host, items: list[Item], found: dict[str, Found]) -> list[dict[str, Any]]:
    """Ports of units that do not run yet and that an existing nftables policy would drop."""
    if host.options.get("firewall") == "off":
        return []
    units = [item for item in items if item["kind"] == "unit"]
    new = [unit for unit in units if (found[unit["key"]].attributes or {}).get("running") != "yes"]
    ports = sorted({port for unit in new for port in unit["spec"].get("ports", ())})
    return [
        {
            "code": "hosts/firewall",
            "message": f"an nftables input policy drops TCP port {port}",
            "hint": f"nft add rule ... tcp dport {port} accept",
            "severity": "warning",
        }
        for port in firewall.blocked(ports)
    ]


def _room(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Volumes whose mount is missing, or with less free space than asked."""
    problems = []
    for volume in asked["volumes"]:
        path, mount, least = volume["path"], volume["mount"], volume["min_free"]
        if mount and not facts.mounted(mount):
            message = f"nothing is mounted at {mount}, where {volume['member']} keeps its data"
            hint = f"mount it (findmnt {mount}), or leave out storage.require_mount"
            problems.append({"code": "hosts/mount-missing", "message": message, "hint": hint})
        elif least and not os.path.isdir(path) and facts.free(path) < least:
            message = f"{path} has {facts.free(path) >> 20} MiB free, {least >> 20} MiB are asked"
            hint = "make room, or lower storage.min_free"
            problems.append({"code": "hosts/min-free", "message": message, "hint": hint})
    return problems


def refuse_foreign(host: Host, found: dict[str, Found]) -> None:
    """Raises hosts/foreign for the first thing that others put where ours shall be, or
    hosts/renamed for what this environment put there under another name of the host."""
    for key, one in found.items():
        if one.foreign:
            kind, name = kind_and_name(key)
            if host.manifest.noted_at(kind, name) and key not in host.manifest.resources:
                hint = "nothing was touched, and nothing is to be removed: give the host that name"
                raise RefusedError("hosts/renamed", one.foreign, hint)
            hint = "opsctl takes nothing over: remove it, or place the service on another host"
            raise RefusedError("hosts/foreign", one.foreign, hint)
