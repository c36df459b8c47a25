"""A lab's bridge, its address translation, and the machine's ip_forward switch.

The bridge is the claim on an index: its name holds its state folder's tag.
"""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.lab.commands import locked, run
from opsctl.lab.folder import RUN, Folder
from opsctl.lab.spec import Subnet, candidates

FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
FORWARD_BEFORE = RUN / "ip_forward"  # exists when a lab switched forwarding on
MACHINE_LOCK = RUN / "machine.lock"


def choose_index(name: str, folder: Folder) -> int:
    """The lab's own index if its bridge stands, else the first that nothing on the machine uses."""
    claimed = _bridges()
    if folder.tag in claimed.values():
        return next(index for index, tag in claimed.items() if tag == folder.tag)
    routes = _routes()
    for index in candidates(name):
        if index not in claimed and _is_free(Subnet(index, folder.tag), routes):
            return index
    raise OpsError(
        "lab/no-subnet",
        "all of 10.77.0.0/16 is in use on this machine",
        hint="opsctl lab down --name ...",
        exit=Exit.REFUSED,
    )


def _is_free(subnet: Subnet, routes: list[ipaddress.IPv4Network]) -> bool:
    return not any(route.overlaps(ipaddress.IPv4Network(subnet.cidr)) for route in routes)


def _routes() -> list[ipaddress.IPv4Network]:
    """Networks the machine has a route to, except everything (the default)."""
    routes = _ip_json("-4", "route", "show", "table", "all")
    named = [str(route.get("dst", "default")) for route in routes]
    networks = [ipaddress.IPv4Network(dst, strict=False) for dst in named if dst != "default"]
    return [network for network in networks if network.prefixlen > 8]


def _bridges() -> dict[int, str]:
    """The index and folder tag of each lab that has a bridge."""
    names = [str(link["ifname"]) for link in _ip_json("link", "show", "type", "bridge")]
    matches = [re.fullmatch(r"ol(\d+)-([0-9a-f]{8})", name) for name in names]
    return {int(match[1]): match[2] for match in matches if match}


def _ip_json(*arguments: str) -> list[dict[str, Any]]:
    output = run(["ip", "-json", *arguments], what=f"ip {' '.join(arguments)}").stdout
    found: list[dict[str, Any]] = json.loads(output or "[]")
    return [entry for entry in found if entry]


def mtu() -> int:
    """The smallest MTU among the machine's default routes; 1500 when there is none."""
    routes = _ip_json("-4", "route", "show", "default")
    names = {str(route["dev"]) for route in routes if "dev" in route}
    sizes = [int(Path(f"/sys/class/net/{name}/mtu").read_text()) for name in names]
    return min([*sizes, 1500])


def ensure(subnet: Subnet, folder: Folder) -> None:
    """Make what is missing. Raises lab/subnet-taken when the index belongs to another folder."""
    owner = _bridges().get(subnet.index)
    if owner is None:
        run(["ip", "link", "add", subnet.bridge, "type", "bridge"], what="making the lab's bridge")
    elif owner != subnet.tag:
        raise OpsError(
            "lab/subnet-taken",
            f"{subnet.cidr} now belongs to another lab",
            where=f"bridge ol{subnet.index}-{owner}",
            hint=f"opsctl lab down --name {folder.path.name}, then up again",
            exit=Exit.REFUSED,
        )
    for setting in _settings(subnet):
        run(["ip", *setting], what=f"setting up the bridge {subnet.bridge}")
    _masquerade(subnet)
    switch_forwarding_on()


def _settings(subnet: Subnet) -> list[list[str]]:
    bridge = subnet.bridge
    # A bridge takes its MAC from its ports unless it has one, and hosts that come and go would
    # leave the others with a stale gateway.
    mac = f"02:6f:6c:00:00:{subnet.index:02x}"
    return [
        ["link", "set", bridge, "address", mac, "mtu", str(mtu())],
        # Snooping drops the multicast of VRRP on a bridge that nobody queries.
        ["link", "set", bridge, "type", "bridge", "mcast_snooping", "0"],
        ["addr", "replace", f"{subnet.gateway}/24", "dev", bridge],
        ["link", "set", bridge, "up"],
    ]


def _masquerade(subnet: Subnet) -> None:
    rules = f"""
table ip {subnet.table} {{}}
delete table ip {subnet.table}
table ip {subnet.table} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {subnet.cidr} ip daddr != {subnet.cidr} masquerade
  }}
}}
"""
    nft(rules, what="setting up address translation")


def nft(rules: str, *, what: str) -> None:
    """Load rules in one transaction: all of them or none."""
    run(["nft", "-f", "-"], what=what, text=rules)


def switch_forwarding_on() -> None:
    """Let the machine route for its hosts, noting that it did not before."""
    if FORWARD.read_text().strip() == "0":
        FORWARD_BEFORE.write_text("0\n")
        FORWARD.write_text("1\n")


def tables(subnet: Subnet) -> list[tuple[str, str]]:
    """(family, name) of the lab's nft tables, those of its faults included."""
    listed = run(["nft", "list", "tables"], what="listing nft tables").stdout
    words = [line.split() for line in listed.splitlines()]
    own = subnet.table
    return [(w[1], w[2]) for w in words if w[2] == own or w[2].startswith(f"{own}_")]


def remove(index: int | None, folder: Folder) -> None:
    """Remove what belongs to the folder; the bridge goes last, because it is the claim.

    Without an index (a lab that never got a record) its bridges are found by their tag.
    """
    with locked(MACHINE_LOCK, what="the machine's list of labs", timeout=60):
        claimed = _bridges()
        indexes = {each for each, tag in claimed.items() if tag == folder.tag}
        if index is not None and index not in claimed:
            indexes.add(index)
        for subnet in [Subnet(each, folder.tag) for each in indexes]:
            for family, table in tables(subnet):
                run(["nft", "delete", "table", family, table], what="removing rules", check=False)
            if subnet.index in claimed:
                # A killed host's cable goes a moment later by itself; the next `up` can't wait.
                for cable in _ip_json("link", "show", "master", subnet.bridge):
                    argv = ["ip", "link", "delete", str(cable["ifname"])]
                    run(argv, what="removing a cable", check=False)
                run(["ip", "link", "delete", subnet.bridge], what="removing the bridge")
        if not _bridges():
            restore_forwarding()


def restore_forwarding() -> None:
    """Switch ip_forward back to what it was before the first lab, if a lab changed it."""
    if FORWARD_BEFORE.exists():
        FORWARD.write_text(FORWARD_BEFORE.read_text())
        FORWARD_BEFORE.unlink()
