"""Faults as shell commands for a host. Each arms its own undo first, then strikes.

The undo is a transient timer of systemd, or where another program starts services a process that
sleeps until then: it outlives the connection, the caller and the network.
SIGNAL, START and ROOT stand for what only the target knows of the strike's component.
A strike prints "struck EPOCH" right before it acts, by the host's own clock, and "struck nothing"
after it where it could not. `packets` has those of the network.
"""

from __future__ import annotations

import shlex

from opsctl.ports import ROOT, SIGNAL, START
from opsctl.workload import Text

_SYSTEMD = "[ -d /run/systemd/system ] && command -v systemd-run >/dev/null"
SAY = "date '+struck %s.%N'"
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
    late = seconds + (SPARE if short else 0.0)
    timer = (
        f"systemd-run --quiet --collect --unit={undo_unit(drill)} --on-active={late:g}s "
        f"--timer-property=AccuracySec=50ms /bin/sh -c {shlex.quote(undo)}"
    )
    sleeper = _detached(undo_unit(drill), f"sleep {late:g}; {undo}")
    end = f"sleep {seconds:g}\n{{ {undo}; }} 2>/dev/null || true\n" if short else ""
    return Text.parse(
        f"set -eu\nif {_SYSTEMD}; then\n{timer}\nelse\n{sleeper}\nfi\n{strike}\n{end}"
    )


def disarmed(drill: str, undo: str) -> Text:
    """The undo, now. Done twice, or after its timer, it does nothing and says so by exit 0."""
    timer = _ended(undo_unit(drill), "timer")
    return Text.parse(f"{{ {undo}; }} 2>/dev/null || true\n{timer} 2>/dev/null || true\n")


def _detached(name: str, command: str) -> str:
    """Runs a command in a session of its own, without systemd; `_ended` finds it by `name`."""
    quoted = shlex.quote(command)
    return f"setsid sh -c {quoted} </dev/null >/dev/null 2>&1 &\necho $! > /run/{name}.pid"


def _ended(name: str, kind: str) -> str:
    """Ends what systemd or `_detached` runs under that name. No "$" is in it, as in all undos."""
    return (
        f"if {_SYSTEMD}; then systemctl stop {name}.{kind}; "
        f"else xargs -I @ kill -- -@ < /run/{name}.pid; rm -f /run/{name}.pid; fi"
    )


def kill_process() -> tuple[str, str]:
    """(strike, undo). The undo only helps a supervisor that has given up."""
    return (
        f"{SAY}\n{SIGNAL} KILL",
        START,
    )


def kill_host() -> Text:
    """The kernel restarts at once: no process is told, no file is synced."""
    return Text.parse(f"{SAY}\nsystemctl reboot --force --force\n")


def pause() -> tuple[str, str]:
    return (
        f"{SAY}\n{SIGNAL} STOP",
        f"{SIGNAL} CONT",
    )


def fill_disk(folder: str) -> tuple[str, str]:
    """No byte left where `folder` is, for anybody but root."""
    file = shlex.quote(f"{ROOT}{folder}/{FILL}")
    strike = (
        f"free() {{ df --output=avail -B1 {shlex.quote(ROOT + folder)} | tail -1; }}\n"
        f"{SAY}\nwant=$(free)\n"
        # The filesystem needs some of the room for itself: how much is found by trying.
        f'while [ "$want" -gt 4096 ] && ! fallocate -l "$want" {file} 2>/dev/null; do\n'
        f"  want=$((want - want / 64 - 4096))\ndone\n"
        f'left=$(free); [ "$left" -le 0 ] || head -c "$left" /dev/zero >> {file} || true'
    )
    return strike, f"rm -f {file}"


def burn(drill: str, seconds: float) -> tuple[str, str]:
    """One busy loop for each core, which has nearly all the weight on the host."""
    unit = f"opsctl-drill-cpu-{drill}"
    load = "nproc | xargs seq | xargs -P 0 -I@ sh -c 'while :; do :; done'"
    strike = (
        f"{SAY}\nif {_SYSTEMD}; then\n"
        f"systemd-run --quiet --collect --unit={unit} --property=RuntimeMaxSec={seconds:g} "
        f"--property=CPUWeight=10000 /bin/sh -c {shlex.quote(load)}\n"
        f"else\n{_detached(unit, f'nice -n -20 timeout {seconds:g} sh -c {shlex.quote(load)}')}\nfi"
    )
    return strike, _ended(unit, "service")
