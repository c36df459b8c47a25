"""keepalived of a member: which balancer has a floating address."""

from __future__ import annotations

from opsctl.engines.haproxy.pool import KEEPALIVED, STATUS, USER, Pool, own, script, socat
from opsctl.engines.haproxy.reach import claims
from opsctl.engines.haproxy.software import keepalived_software
from opsctl.engines.haproxy.standings import holder_standing
from opsctl.workload import (
    Command,
    Component,
    ConfigFile,
    Floating,
    Limits,
    Query,
    Render,
    Seat,
    Sign,
    Vip,
)

MIB = 1024**2
_HIGHEST = 200  # VRRP has 1 to 254 for those that do not own an address


def keepalived(pool: Pool, seat: Seat, render: Render) -> Component:
    """It runs as HAProxy's user and may set addresses and speak VRRP.

    Without CAP_SETGID it can't start its check, and takes it for passed.
    """
    config, run = seat.config_dir, seat.run_dir
    return Component(
        name=KEEPALIVED,
        software=keepalived_software(pool),
        command=Command(
            argv=(
                "keepalived", "--dont-fork", "--log-console", "--no-syslog",
                "--vrrp", "--use-file", f"{run}/keepalived.conf",
                # All of them: where it may not write one, it says that it runs already.
                "--pid", f"{run}/keepalived.pid", "--vrrp_pid", f"{run}/vrrp.pid",
                "--checkers_pid", f"{run}/checkers.pid", "--bfd_pid", f"{run}/bfd.pid",
            ),
            before_start=(("sh", f"{config}/start-keepalived.sh"),),
            before_start_timeout=10.0,
            reload=("sh", f"{config}/start-keepalived.sh", "reload"),
            grace=10.0,
        ),
        user=USER,
        files=_files(pool, seat, render),
        limits=Limits(memory=128 * MIB, memory_request=16 * MIB),
        health=Query(("sh", f"{config}/status.sh"), holder_standing),
        capabilities=("CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SETGID"),
        floating=tuple(Floating(vip.address, vip.interface) for vip in pool.vips),
        signs=(
            Sign(
                r"\((?P<address>\S+)\) Entering MASTER STATE",
                "moved",
                f"{seat.member} takes {{address}}",
            ),
        ),
    )  # fmt: skip


def _files(pool: Pool, seat: Seat, render: Render) -> tuple[ConfigFile, ...]:
    claimed = [claim.address for claim in claims(pool, seat)]
    instances = [
        {**_instance(pool, seat, vip), "claimed": vip.address in claimed} for vip in pool.vips
    ]
    known: dict[str, object] = {
        "member": seat.member,
        "config_dir": seat.config_dir,
        "run_dir": seat.run_dir,
        "own": own(seat),
        "instances": instances,
        "status_port": seat.ports[STATUS],
        "socat": socat(seat),
    }
    main = render(
        "keepalived.conf",
        **known,
        user=USER,
        advert=f"{pool.pace.advert:g}",
        peers=[own(other) for other in pool.seats if other.member != seat.member],
    )
    known["addresses"] = [vip.address for vip in pool.vips]
    start = "start-keepalived.sh"
    others = ("status.sh", "reach.sh") if claimed else ("status.sh",)
    return (
        ConfigFile(f"{seat.config_dir}/keepalived.conf", main, effect="reload"),
        ConfigFile(script(seat, start), render(start, **known), mode="0750", effect="reload"),
        *(
            ConfigFile(script(seat, name), render(name, **known), mode="0750", effect="none")
            for name in others
        ),
    )


def _instance(pool: Pool, seat: Seat, vip: Vip) -> dict[str, object]:
    """The member whose ordinal is `first` comes first, those behind it in turn."""
    turn = (seat.ordinal - vip.first) % max(len(pool.seats), 1)
    return {
        "name": vip.address,
        "address": f"{vip.address}/{vip.prefix}" if vip.prefix else vip.address,
        "interface": vip.interface,
        "router_id": vip.router_id,
        "priority": _HIGHEST - turn,
        "family": 6 if ":" in vip.address else 4,
    }
