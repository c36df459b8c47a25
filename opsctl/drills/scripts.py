"""Faults as shell commands for a host. Each arms its own undo first, then strikes.

The undo is a transient timer of systemd: it outlives the connection, the caller and the network.
`{unit}` stands for the unit of the strike's component, which only the target knows.
A strike prints "struck EPOCH" right before it acts, by the host's own clock.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from opsctl.errors import SpecError
from opsctl.workload import AddressRef, Text

UNIT = "{unit}"
_SAY = "date '+struck %s.%N'"
FILL = "opsctl-drill-fill"
SHORT = 2.0  # seconds up to which a fault is ended by its own script
SPARE = 10.0  # seconds after which its timer does that all the same


def undo_unit(drill: str) -> str:
    return f"opsctl-drill-undo-{drill}"


def armed(drill: str, seconds: float, undo: str, strike: str) -> Text:
    """`strike`, with `undo` set to come after `seconds` whatever happens to anybody else.

    What is short ends in the script itself: a timer is not so exact, and on a slow host it could
    come before the strike. Then the timer is there for a script that is ended halfway.
    """
    # systemd-run expands "$" in what it runs, so no undo may hold one.
    assert "$" not in undo
    short = seconds <= SHORT
    timer = (
        f"systemd-run --quiet --collect --unit={undo_unit(drill)} "
        f"--on-active={seconds + (SPARE if short else 0.0):g}s "
        f"--timer-property=AccuracySec=50ms /bin/sh -c {shlex.quote(undo)}"
    )
    end = f"sleep {seconds:g}\n{undo} 2>/dev/null || true\n" if short else ""
    return Text.parse(f"set -eu\n{timer}\n{strike}\n{end}")


def disarmed(drill: str, undo: str) -> Text:
    """The undo, now. Done twice, or after its timer, it does nothing and says so by exit 0."""
    return Text.parse(
        f"{undo} 2>/dev/null || true\nsystemctl stop {undo_unit(drill)}.timer 2>/dev/null || true\n"
    )


def kill_process() -> tuple[str, str]:
    """(strike, undo). The undo only helps a supervisor that has given up."""
    return (
        f"{_SAY}\nsystemctl kill --signal=KILL {UNIT}",
        f"systemctl reset-failed {UNIT}; systemctl start {UNIT}",
    )


def kill_host() -> Text:
    """The kernel restarts at once: no process is told, no file is synced."""
    return Text.parse(f"{_SAY}\nsystemctl reboot --force --force\n")


def pause() -> tuple[str, str]:
    return (
        f"{_SAY}\nsystemctl kill --signal=STOP {UNIT}",
        f"systemctl kill --signal=CONT {UNIT}",
    )


def cut(drill: str, peers: Sequence[str], *, one_way: bool, floating: str = "") -> tuple[str, str]:
    """No packet to or from `peers` (members), nor an address that one of them holds; one way: none
    to them."""
    hooks = ("output",) if one_way else ("input", "output")
    return _rules(drill, peers, "drop", hooks, floating)


def lose(drill: str, peers: Sequence[str], percent: int) -> tuple[str, str]:
    """That share of packets to and from `peers` is lost. Raises drills/percent."""
    if not 0 < percent <= 100:
        raise SpecError("drills/percent", f"{percent} is no share of lost packets, 1 to 100")
    luck = f"numgen random mod 100 < {percent} " if percent < 100 else ""
    return _rules(drill, peers, f"{luck}drop", ("input", "output"))


def _rules(
    drill: str, peers: Sequence[str], what: str, hooks: Sequence[str], floating: str = ""
) -> tuple[str, str]:
    """Rules in a table of the drill's own, loaded at once, so that removing it is one command."""
    table = f"inet opsctl_drill_{drill}"
    addresses = " ".join([*(str(AddressRef(peer, "ip")) for peer in peers), floating]).rstrip()
    sides = {"input": "saddr", "output": "daddr"}
    lines = [f"add table {table}"]
    lines += [
        f"add chain {table} {hook} {{ type filter hook {hook} priority -300; }}" for hook in hooks
    ]
    echoes = "; ".join(f"echo {shlex.quote(line)}" for line in lines)
    rules = "; ".join(
        f'echo "add rule {table} {hook} $family {sides[hook]} $peer {what}"' for hook in hooks
    )
    strike = (
        f"rules=$({echoes}; for peer in {addresses}; do\n"
        f"  case $peer in *:*) family=ip6 ;; *) family=ip ;; esac\n"
        f"  {rules}\ndone)\n"
        f'{_SAY}\necho "$rules" | nft -f -'
    )
    return strike, f"nft delete table {table}"


def fill_disk(folder: str) -> tuple[str, str]:
    """No byte left where `folder` is, for anybody but root."""
    file = shlex.quote(f"{folder}/{FILL}")
    strike = (
        f"free() {{ df --output=avail -B1 {shlex.quote(folder)} | tail -1; }}\n"
        f"{_SAY}\nwant=$(free)\n"
        # The filesystem needs some of the room for itself: how much is found by trying.
        f'while [ "$want" -gt 4096 ] && ! fallocate -l "$want" {file} 2>/dev/null; do\n'
        f"  want=$((want - want / 64 - 4096))\ndone\n"
        f'left=$(free); [ "$left" -le 0 ] || head -c "$left" /dev/zero >> {file} || true'
    )
    return strike, f"rm -f {file}"


def burn(drill: str, seconds: float) -> tuple[str, str]:
    """One busy loop for each core, which has nearly all the weight on the host."""
    unit = f"opsctl-drill-cpu-{drill}"
    strike = (
        f"cores=$(nproc)\n{_SAY}\n"
        f"systemd-run --quiet --collect --unit={unit} --property=RuntimeMaxSec={seconds:g} "
        f"--property=CPUWeight=10000 "
        f"/bin/sh -c \"seq $cores | xargs -P 0 -I@ sh -c 'while :; do :; done'\""
    )
    return strike, f"systemctl stop {unit}.service"
