"""What opsctl left on hosts, in a form in which two builds of one spec are equal."""

from __future__ import annotations

import json
from typing import Any

from lab_site import Site

# Runs on the host. Addresses differ from lab to lab, so the lab's network has one name in all.
_PROGRAM = r"""
import hashlib, json, os, re, subprocess

found, times = {}, {}
own = re.compile(
    r"/(redis|sentinel)\.(conf|users)$|/appendonlydir/|\.rdb$|/revisions/|/journal|/lock"
    r"|/wal/|/chunks_head/|/queries\.active$|/(nflog|silences)$"
)
tops = ["/etc/opsctl", "/var/lib/opsctl", "/etc/systemd/system"]
for top in tops:
    for folder, folders, files in os.walk(top):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            if top.startswith("/etc/systemd") and "opsctl" not in path and "redis" not in path:
                continue
            about = os.lstat(path)
            said = [oct(about.st_mode), about.st_uid, about.st_gid]
            if os.path.islink(path):
                said.append(os.readlink(path))
            elif os.path.isfile(path) and not own.search(path) and "manifest" not in name:
                with open(path, "rb") as file:
                    content = re.sub(rb"10\.77\.\d+\.", b"LAB.", file.read())
                said.append(hashlib.sha256(content).hexdigest())
            if not (own.search(path) and os.path.isfile(path)):
                found[path] = said
                times[path] = [about.st_ino, about.st_mtime_ns]
with open("/var/lib/opsctl/shop/manifest.json") as file:
    found["manifest"] = json.load(file)
for seat in found["manifest"]["seats"].values():
    del seat["turn"]  # how many runs there were
show = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "opsctl-*", "redis*"]
units = subprocess.run(show, capture_output=True, text=True, check=True).stdout
found["units"] = sorted(line.split()[:4] for line in units.splitlines())
show = ["dpkg-query", "-W", "-f", "${Package} ${Version} ${Status}\n", "redis*"]
packages = subprocess.run(show, capture_output=True, text=True).stdout
found["packages"] = sorted(line for line in packages.splitlines() if line.endswith(" installed"))
show = ["systemctl", "show", "-P", "InvocationID", *(line[0] for line in found["units"])]
times["starts"] = subprocess.run(show, capture_output=True, text=True, check=True).stdout
print(json.dumps([found, times]))
"""


def host_state(site: Site, *, times: bool = False) -> dict[str, Any]:
    """By host: folders, files by fingerprint, what is owned, units, packages; with `times` when
    each was written and which start of a unit runs."""
    state = {}
    for host in site.lab.hosts:
        found, when = json.loads(site.on(host.name, "python3", "-", text=_PROGRAM))
        state[host.name] = {**found, "times": when} if times else found
    return state


def assert_same_state(site: Site, wanted: dict[str, Any], *, times: bool = False) -> None:
    found = host_state(site, times=times)
    for host, state in wanted.items():
        differing = {
            name: (state.get(name), found[host].get(name))
            for name in {*state, *found[host]}
            if state.get(name) != found[host].get(name)
        }
        assert not differing, f"{host}: {differing}"
