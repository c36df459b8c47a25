"""What to type when a run ended before its end: each verb is gone on with in its own way."""

from __future__ import annotations

from opsctl.planning.plan import Plan, Step
from opsctl.running.maintaining import END, HOLD
from opsctl.running.verbs import RESTORE, TAKE, VERIFY

RESUME = "go on with `opsctl apply --resume`"
_COMMANDS = {
    TAKE: "backup take {service}",
    VERIFY: "backup verify {service} --backup {backup}",
    RESTORE: "restore {service} --backup {backup} --delete-data {service}",
    HOLD: "maintenance {service} --for ...",
    END: "maintenance {service} --end",
    "switchover": "switchover {service}",
    "failover": "failover {service}",
}
# Verbs that change the spec's words only while they run: a resumed apply lacks their consent.
_TITLED = ("destroy", "restart", "scale")


def onward(plan: Plan) -> str:
    """The next command, in words. An apply is resumed; what a verb asked for is asked for again,
    since no apply would finish it."""
    for step in plan.steps:
        if step.kind == "drill":
            return "see `opsctl status`, then begin it again: `opsctl drill run ...`"
        if step.kind == "operate":
            return f"begin it again: `opsctl {_command(step)}`"
    verb = plan.title.partition(" ")[0]
    return f"say `opsctl {verb} ...` again" if verb in _TITLED else RESUME


def resumable(plan: Plan) -> bool:
    """Whether `apply --resume` finishes it."""
    return onward(plan) == RESUME


def _command(step: Step) -> str:
    words = _COMMANDS.get(step.verb, f"{step.verb} {{service}}")
    return words.format(service=step.service, **step.arguments)
