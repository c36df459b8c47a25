"""What a server and a Sentinel have in common: software, access, scripts, probes."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast, auth_path
from opsctl.engines.redis.users import OPS, PEER, REPLICA, Account, secret
from opsctl.engines.redis.users import SENTINEL as SENTINEL_USER
from opsctl.workload import AddressRef, ConfigFile, Package, Probe, Render, Seat, Software

# Who a server is for its peers, and the commands that show it: user first, then password.
_LOGINS = {
    REDIS: (REPLICA, "CONFIG GET masteruser", "CONFIG GET masterauth"),
    SENTINEL: (
        PEER,
        "SENTINEL CONFIG GET sentinel-user",
        "SENTINEL CONFIG GET sentinel-pass",
    ),
}
_ORDERED = (7, 2)  # since then ACL LIST shows rules in the order in which they were given


def software(cast: Cast) -> Software:
    """The same packages on every system that has them; an image elsewhere."""
    flavour, version = cast.flavour, cast.service.version
    systems = {seat.system for seat in cast.seats} - {"image"}
    packages = tuple(
        Package(name, version or "", own_units) for name, own_units in flavour.packages.items()
    )
    shown = version or f"{flavour.image_version[0]}.{flavour.image_version[1]}"
    return Software(
        packages=dict.fromkeys(sorted(systems), packages),
        image=f"{flavour.image}:{shown}",
    )


def users_script(seat: Seat, component: str) -> str:
    """The script that compares and changes a server's users."""
    return f"{seat.config_dir}/{'' if component == REDIS else 'sentinel-'}users.sh"


def users_file(seat: Seat, component: str) -> str:
    """The users that a server has when it starts."""
    return f"{seat.config_dir}/{'' if component == REDIS else 'sentinel-'}users.acl"


def notes_file(seat: Seat, component: str) -> str:
    """How the server shows the users as they were last set."""
    return f"{seat.data_dir}/{component}.users"


def kept_files(seat: Seat, component: str) -> tuple[str, ...]:
    """Where a Sentinel keeps with what it logs in to the servers: it tells nobody."""
    return (f"{seat.data_dir}/sentinel.conf",) if component == SENTINEL else ()


def login_questions(component: str) -> tuple[str, ...]:
    """What shows how a server logs in to its peers."""
    return _LOGINS[component][1:]


def listening(seat: Seat, component: str) -> dict[str, object]:
    """Where it listens, and where it says that it is.

    A container has a network of its own: whatever reaches it there was let in by the target.
    """
    own = AddressRef(seat.member, "ip")
    return {
        "member": seat.member,
        "port": seat.ports[component],
        "bind": "* -::*" if seat.system == "image" else f"{own} 127.0.0.1",
        "announce": own,
    }


def place(seat: Seat, component: str) -> dict[str, object]:
    return {"address": AddressRef(seat.member, "ip"), "port": seat.ports[component]}


def scripted(cast: Cast, seat: Seat, component: str) -> dict[str, object]:
    """What every script of a component is told."""
    return {
        "member": seat.member,
        "service": cast.name,
        "component": component,
        "cli": cast.flavour.cli,
        "server": cast.flavour.server,
        "server_flag": "--sentinel" if component == SENTINEL else "",
        "port": seat.ports[component],
        "ops_user": OPS,
        "auth_file": auth_path(seat, component),
        "config_dir": seat.config_dir,
        "data_dir": seat.data_dir,
    }


def access_files(
    cast: Cast, seat: Seat, render: Render, component: str, accounts: Sequence[Account]
) -> tuple[ConfigFile, ...]:
    """Who may log in, opsctl's own password, and the scripts that use it."""
    acl_file = users_file(seat, component)
    known = scripted(cast, seat, component)
    default = any(account.name == "default" for account in accounts)
    return (
        # A change reaches the running server as the Object "users"; a start reads the file.
        ConfigFile(
            acl_file,
            render("users.acl", accounts=accounts, default_user=default),
            effect="none",
        ),
        ConfigFile(
            auth_path(seat, component),
            render("ops.auth", password=secret(cast.name, OPS, "plain")),
            effect="none",
        ),
        ConfigFile(
            users_script(seat, component),
            render(
                "users.sh",
                **known,
                login_user=_LOGINS[component][0],
                login_questions=login_questions(component),
                kept_files=kept_files(seat, component),
                servers_user=SENTINEL_USER,
                acl_file=acl_file,
                stamp=notes_file(seat, component),
                ordered=cast.version(seat) >= _ORDERED,
            ),
            mode="0750",
            effect="none",
        ),
        ConfigFile(
            f"{seat.config_dir}/{component}-probe.sh",
            render("probe.sh", **known),
            mode="0750",
            effect="none",
        ),
    )


def probes(seat: Seat, component: str) -> tuple[Probe, ...]:
    script = f"{seat.config_dir}/{component}-probe.sh"
    return (
        Probe("live", ("sh", script, "live"), period=10.0, failures=6),
        Probe("ready", ("sh", script, "ready"), period=2.0, failures=2),
    )
