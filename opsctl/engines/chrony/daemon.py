"""The chronyd of a member: its software, its files, and what it may do."""

from __future__ import annotations

from opsctl.engines.chrony.clock import CHRONY, NTP, Clock, health, socket
from opsctl.workload import (
    Command,
    Component,
    ConfigFile,
    Limits,
    Package,
    Port,
    Probe,
    Render,
    Seat,
    Software,
    Text,
)

MIB = 1024**2
USER = "_chrony"  # the account that Debian's package makes
UNKNOWN = "0.0 1000.0\n"  # how fast the clock drifts and how well that is known, both in ppm
SYSTEMS = ("debian-12", "debian-13")


def daemon(clock: Clock, seat: Seat, render: Render) -> Component:
    """chronyd in the foreground, without root: to set the clock is all that it is let."""
    service = clock.service
    packages = (Package("chrony", service.version or "", ("chrony.service",)),)
    config = f"{seat.config_dir}/chrony.conf"
    start = f"{seat.config_dir}/start-chronyd.sh"
    measure = () if service.control else ("-x",)
    # -d: stay in the foreground and log there; -U: not being root is meant.
    argv = ("sh", start, "chronyd", "-d", "-U", "-u", USER, *measure, "-f", config)
    ask = ("chronyc", "-h", socket(seat), "-c", "tracking")
    return Component(
        name=CHRONY,
        software=Software(dict.fromkeys(SYSTEMS, packages)),
        command=Command(argv, grace=10.0),
        user=USER,
        files=(
            ConfigFile(
                config,
                render(
                    "chrony.conf",
                    member=seat.member,
                    service=service,
                    step=service.makestep.seconds,
                    port=seat.ports.get(NTP, 0),
                    socket=socket(seat),
                    run_dir=seat.run_dir,
                    data_dir=seat.data_dir,
                ),
            ),
            ConfigFile(start, render("start-chronyd.sh", member=seat.member)),
            # Its own from then on. It is worth nothing elsewhere, so it goes with its member.
            ConfigFile(f"{seat.data_dir}/drift", Text((UNKNOWN,)), mode="0644", life="seeded"),
        ),
        ports=tuple(Port(name, number) for name, number in seat.ports.items()),
        probes=(Probe("live", ask, period=10.0, failures=6),),
        limits=Limits(memory=64 * MIB, memory_request=8 * MIB),
        health=health(clock, seat),
        capabilities=("CAP_SYS_TIME",) if service.control else (),
    )
