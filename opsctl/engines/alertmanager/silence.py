"""How an Alertmanager holds its tongue about a service that is in maintenance."""

from __future__ import annotations

import json

from opsctl.engines import web
from opsctl.engines.alertmanager.server import ALERTMANAGER
from opsctl.workload import Answer, Call, Quiet, Seat, Text


def silence(seats: tuple[Seat, ...], quiet: Quiet) -> tuple[Call, ...]:
    """At each member: they tell each other, but one may be cut off. It ends by itself."""
    wanted = {
        "environment": quiet.environment,
        "labels": quiet.labels,
        "seconds": quiet.seconds,
        "sign": quiet.sign,
        "who": quiet.who,
        "reason": quiet.reason,
    }
    verb = "hold" if quiet.seconds else "let go"
    return tuple(
        Call(
            words=f"{verb} alerts of {quiet.service} at {seat.member}",
            member=seat.member,
            component=ALERTMANAGER,
            argv=web.ask(seat, "silence"),
            refused=_refused,
            stdin=Text((json.dumps(wanted),)),
        )
        for seat in seats
    )


def _refused(answer: Answer) -> str:
    return "" if answer.exit == 0 else web.silent(answer).reason
