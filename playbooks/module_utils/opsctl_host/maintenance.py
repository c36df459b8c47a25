"""A service's maintenance on this host: its record, the timer that ends it, and the hold itself.

maintenance.json holds {service: {until, since, who, reason, calls}}, judged by this host's clock.
The timer is a real unit, and what it starts also starts with the host: the hold ends after a reboot
too, and opsctl need not be there. It is armed before anything is held: no hold is without its end.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import time
from typing import Any

from . import places
from .asking import user_of
from .lock import Flock
from .shell import RefusedError, run

PATIENCE = 30.0  # seconds to wait for an end that goes on just now
BOUND = 20.0  # seconds that one member may take
LINKS = ("timers.target.wants/{}.timer", "multi-user.target.wants/{}.service")
PYTHON = "/usr/bin/python3"
SHOWN = ("until", "since", "who", "reason")


def live(environment: str) -> dict[str, dict[str, Any]]:
    """What is held now, by service: until, since (seconds since the epoch), who, reason."""
    entries = places.read_json(_path(environment)) or {}
    now = time.time()
    return {
        service: {name: entry[name] for name in SHOWN}
        for service, entry in entries.items()
        if entry["until"] > now
    }


def act(environment: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Hold a service for `seconds`, or end that: {"failed": words}. Raises hosts/timer."""
    if wanted["seconds"] > 0:
        return {"failed": _hold(environment, **wanted)}
    return {"failed": _end(environment, wanted["service"])}


def _hold(
    environment: str,
    service: str,
    seconds: float,
    who: str,
    reason: str,
    calls: list[dict[str, Any]],
    program: str,
) -> list[str]:
    places.make_folder(places.state(environment))
    with _turn(environment):
        entries = places.read_json(_path(environment)) or {}
        now = time.time()
        until = math.ceil(now + seconds)  # a timer knows whole seconds
        known = entries.get(service, {})
        since = known["since"] if known.get("until", 0) > now else now
        entries[service] = {
            "until": until, "since": since, "who": who, "reason": reason, "calls": calls,
        }  # fmt: skip
        places.write_json(_path(environment), entries)
        places.write(_program(environment), program.encode(), 0o600, os.geteuid(), os.getegid())
        _arm(environment, service, until)
    return [words for call in calls for words in [_held(call)] if words]


def _held(call: dict[str, Any]) -> str:
    """Holds one member; why it could not, in words."""
    user = user_of(call["unit"])
    if not user:
        return f"{call['member']}: there is no {call['unit']} yet"
    said = run(call["hold"], timeout=BOUND, user=user)
    lines = (said.err or said.out).strip().splitlines()
    return f"{call['member']}: {lines[-1] if lines else said.exit}" if said.exit else ""


def _end(environment: str, service: str) -> list[str]:
    """At once what the timer would do later. What fails, the service's unit tries again."""
    with _turn(environment):
        entries = places.read_json(_path(environment)) or {}
        if service not in entries:
            return []
        entries[service]["until"] = math.floor(time.time())
        places.write_json(_path(environment), entries)
    unit = unit_name(environment, service)
    said = run(
        [PYTHON, "-IS", _program(environment), places.state(environment), service, unit],
        timeout=PATIENCE + BOUND * 4,
    )
    if said.exit:
        run(["systemctl", "start", "--no-block", f"{unit}.service"], timeout=30)
    return said.err.strip().splitlines() or ["its end failed"] if said.exit else []


def unit_name(environment: str, service: str) -> str:
    """Of its timer and service; a dot is in no name of either."""
    return f"opsctl-maintenance-{environment}.{service}"


def timer_text(environment: str, service: str, until: int) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(until))
    return (
        "# Written by opsctl for a maintenance; it takes itself away at the end.\n"
        f"[Unit]\nDescription=End of the maintenance of {service} ({environment})\n\n"
        f"[Timer]\nOnCalendar={when}\nPersistent=true\nAccuracySec=100ms\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def service_text(environment: str, service: str) -> str:
    unit = unit_name(environment, service)
    words = f"{PYTHON} -IS {_program(environment)} {places.state(environment)} {service} {unit}"
    return (
        "# Written by opsctl for a maintenance; it takes itself away at the end.\n"
        f"[Unit]\nDescription=Ends the maintenance of {service} ({environment})\n"
        "StartLimitIntervalSec=0\n\n"
        # A member that is down keeps what it was told: it is let go when it is back.
        f"[Service]\nType=oneshot\nExecStart={words}\nRestart=on-failure\nRestartSec=5\n\n"
        # A timer that came already does not come again, though its end was cut short by a reboot.
        "[Install]\nWantedBy=multi-user.target\n"
    )


def _arm(environment: str, service: str, until: int) -> None:
    """Sets the timer, anew where there is one. Raises hosts/timer unless it really waits."""
    unit = unit_name(environment, service)
    texts = {
        f"{unit}.timer": timer_text(environment, service, until),
        f"{unit}.service": service_text(environment, service),
    }
    for name, text in texts.items():
        path = places.below(f"{places.UNITS}/{name}")
        places.write(path, text.encode(), 0o644, os.geteuid(), os.getegid())
    for link in LINKS:
        path = places.below(f"{places.UNITS}/{link.format(unit)}")
        places.make_folder(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.symlink(f"{places.UNITS}/{os.path.basename(path)}", path)
    run(["systemctl", "daemon-reload"], timeout=90)
    run(["systemctl", "restart", f"{unit}.timer"], timeout=30)
    state = run(["systemctl", "is-active", f"{unit}.timer"], timeout=30).out.strip()
    if state != "active":
        message = f"{unit}.timer, which would end the maintenance, is {state}"
        raise RefusedError("hosts/timer", message, f"systemctl status {unit}.timer")


def _path(environment: str) -> str:
    return places.state(environment, "maintenance.json")


def _program(environment: str) -> str:
    return places.state(environment, "release.py")


def _turn(environment: str) -> Flock:
    """One at a time, the timer's program included. Raises hosts/busy."""
    return Flock(places.state(environment, "maintenance.lock"), fcntl.LOCK_EX, PATIENCE)
