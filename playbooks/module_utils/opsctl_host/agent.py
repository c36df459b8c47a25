"""Standard input to standard output: one request, one answer, both JSON. See loader.py."""

from __future__ import annotations

import sys
import time
from typing import Any

from . import asking, facts, journal, jsontext, maintenance, places
from .host import Host
from .lock import Lock
from .look import look
from .shell import RefusedError


def main(request: bytes) -> None:
    """Answer one request; a refusal is in the answer as "error"."""
    began = time.monotonic()
    wanted: dict[str, Any] = jsontext.read(request.decode())
    end_after(int(wanted.get("deadline", 120)))
    answer: dict[str, Any] = {}
    try:
        answer = answered(wanted)
    except RefusedError as error:
        answer["error"] = error.wire
    except OSError as error:
        answer["error"] = {"code": "hosts/os", "message": str(error), "hint": "", "details": []}
    answer["took"] = round(time.monotonic() - began, 4)
    sys.stdout.write(jsontext.written(answer))
    sys.stdout.flush()


def end_after(seconds: int) -> None:
    """Nobody waits for a cut-off caller's program. The last call counts. signal's enums would cost
    every look 3 ms."""
    try:
        from _signal import alarm  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from signal import alarm
    alarm(seconds)


def answered(wanted: dict[str, Any]) -> dict[str, Any]:
    """The parts that were asked for, by the names below."""
    answer: dict[str, Any] = {"facts": facts.gather()}
    if answer["facts"]["uid"] != "0":
        message = "the program does not run as root there"
        raise RefusedError("hosts/no-root", message, "ssh: {become: true}")
    environment = wanted["environment"]
    if "seats" in wanted:
        manifest = Host(environment, None, {}).manifest
        answer["seats"] = {} if manifest.stranger else manifest.seats
    if "look" in wanted:
        host = Host(environment, wanted.get("key"), wanted.get("options", {}))
        answer["look"] = look(host, wanted["look"])
    fence = wanted.get("fence")
    if fence:
        with Lock(environment["name"]).guard(**fence):
            answer.update(_done(environment["name"], wanted))
    else:
        answer.update(_done(environment["name"], wanted))
    if "held" in wanted:
        answer["maintenance"] = maintenance.live(environment["name"])
    if "lock" in wanted:
        answer["lock"] = _lock(environment, wanted["lock"])
    if "history" in wanted:
        answer["history"] = journal.read(environment["name"], int(wanted["history"]))
    if "document" in wanted:
        name = f"revisions/{int(wanted['document'])}.json"
        answer["document"] = places.read_json(places.state(environment["name"], name))
    if "newest" in wanted:
        from . import package  # only here: a look finds its packages without apt

        answer["newest"] = package.newest(**wanted["newest"])
    return answer


def _done(environment: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """What may act, and therefore passes the fence."""
    answer: dict[str, Any] = {}
    if "ask" in wanted:
        answer["ask"] = asking.answers(wanted["ask"])
    if "append" in wanted:
        journal.append(environment, **wanted["append"])
    if "maintenance" in wanted:
        answer["maintenance"] = maintenance.act(environment, wanted["maintenance"])
    return answer


def _lock(environment: dict[str, str], wanted: dict[str, Any]) -> dict[str, Any]:
    lock = Lock(environment["name"])
    verb, values = wanted["verb"], wanted["values"]
    if verb == "acquire":
        Host(environment, None, {}).manifest.check()
        return lock.acquire(**values)
    if verb == "renew":
        return lock.renew(**values)
    if verb == "release":
        return lock.release(**values)
    return lock.head()
