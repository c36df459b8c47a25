"""An nftables table of ours: loaded now and at every boot, and as it was loaded.

A unit of the table's name loads it and notes in /run/opsctl/firewall the SHA-256 of the file, and
of the table as the kernel shows it then: so a change by hand is seen, and a table that is gone.
"""

from __future__ import annotations

import contextlib
import os

from . import directory, fingerprint, places
from .found import Found
from .host import Host, Item
from .shell import RefusedError, Result, run

NOTES = f"{places.RUN}/firewall"
CHANGED, GONE = "changed by somebody else", "not loaded"
# After nftables.service, which flushes everything when it loads its own file: its reload or restart
# is passed on, a later start of it is seen by the next look. Before the network, so before members.
UNIT = """\
[Unit]
Description=opsctl: who reaches the members' ports ({name})
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Before=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={load}
ExecReload={load}

[Install]
WantedBy=multi-user.target
"""
LOAD = (
    "/bin/sh -c 'nft -f {file} && mkdir -p {notes} && "
    "{{ sha256sum <{file}; nft -s list table inet {name} | sha256sum; }} >{notes}/{name}'"
)


def file_of(host: Host, name: str) -> str:
    return f"/etc/opsctl/{host.environment['name']}/{name}.nft"


def unit_text(host: Host, name: str) -> str:
    load = LOAD.format(file=file_of(host, name), notes=NOTES, name=name)
    return UNIT.format(name=name, load=load)


def observe(host: Host, item: Item) -> Found:
    name = item["name"]
    kept = _read(file_of(host, name))
    listed = _listed(name)
    if kept is None and listed.exit:
        return Found(None)
    foreign = host.foreign(item, f"there is a table {name} and opsctl did not load it")
    if kept is None and foreign:
        return Found(None, foreign=foreign)
    link = places.below(_link(name))
    unit = _read(f"{places.UNITS}/{name}.service") == unit_text(host, name)
    at_boot = unit and os.path.islink(link) and kept == item["spec"].get("text")
    attributes = {"rules": _rules(name, listed), "at boot": "yes" if at_boot else "no"}
    return Found(attributes, text=kept or "")


def _rules(name: str, listed: Result) -> str:
    """The SHA-256 of the file that was loaded, or what is wrong."""
    if listed.exit:
        return GONE
    noted = [line.split()[0] for line in (_read(f"{NOTES}/{name}") or "").splitlines()]
    now = fingerprint.digest(listed.out.encode()).hex()
    return noted[0] if len(noted) == 2 and noted[1] == now else CHANGED


def change(host: Host, items: list[Item]) -> None:
    """Raises hosts/firewall when the rules are not taken: the old ones stay in force."""
    for item in items:
        name = item["name"]
        unit = f"{places.UNITS}/{name}.service"
        for path, text in (
            (file_of(host, name), item["spec"]["text"]),
            (unit, unit_text(host, name)),
        ):
            places.make_folder(os.path.dirname(places.below(path)))
            places.write(places.below(path), text.encode(), 0o644, os.geteuid(), os.getegid())
        link = places.below(_link(name))
        places.make_folder(os.path.dirname(link))
        if not os.path.islink(link):
            os.symlink(unit, link)
        run(["systemctl", "daemon-reload"], timeout=90)
        done = run(["systemctl", "restart", "--", f"{name}.service"], timeout=60)
        if done.exit:
            told = run(["nft", "-c", "-f", file_of(host, name)], timeout=10)
            details = [line for line in (told.err or done.err).splitlines() if line.strip()]
            message = f"nft does not take the table {name}"
            raise RefusedError("hosts/firewall", message, "firewall: check", details[:10])


def remove(host: Host, names: list[str]) -> None:
    """The table, its unit and its file. Raises hosts/firewall for one that stays."""
    for name in names:
        for path in (_link(name), f"{places.UNITS}/{name}.service", f"{NOTES}/{name}"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(places.below(path))
        run(["systemctl", "stop", "--", f"{name}.service"], timeout=60)
        run(["systemctl", "daemon-reload"], timeout=90)
        if _listed(name).exit == 0:
            done = run(["nft", "delete", "table", "inet", name], timeout=10)
            if done.exit:
                raise RefusedError("hosts/firewall", f"the table {name} stays: {done.err.strip()}")
        path = places.below(file_of(host, name))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        directory.prune(host, os.path.dirname(path))


def _listed(name: str) -> Result:
    return run(["nft", "-s", "list", "table", "inet", name], timeout=10)


def _link(name: str) -> str:
    return f"{places.UNITS}/multi-user.target.wants/{name}.service"


def _read(path: str) -> str | None:
    try:
        with open(places.below(path), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
