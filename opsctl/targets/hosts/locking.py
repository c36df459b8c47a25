"""The environment's lock over all hosts of the target: a majority of them must grant it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.planning.observation import Holder
from opsctl.ports import OUT_OF_REACH, Fence
from opsctl.targets.hosts import wire
from opsctl.targets.hosts.agents import LATE, Agents, Answers

WORK = 15.0  # seconds that a host may take for a lock's step
TRIES = 3  # tokens tried before giving up against others who raise them


class Lock:
    """Tokens only grow; each host refuses one that is not beyond all that it has seen."""

    def __init__(self, agents: Agents):
        self.agents = agents
        self.highest = 0  # the newest token seen, from the last look or try

    def acquire(self, holder: str, ttl: float) -> Fence:
        """Take it for `ttl` seconds. Raises lock/held (exit 7) or lock/no-majority."""
        for _ in range(TRIES):
            fence = Fence(self.highest + 1, holder)
            values = {"token": fence.token, "holder": holder, "ttl": ttl, "by_force": False}
            answers = self._majority("acquire", values)
            if self._granted(answers) >= self.majority:
                self.highest = fence.token
                return fence
            self._send("release", {"token": fence.token, "holder": holder})
            held = self._holders(answers)
            self._note(answers)
            if held:
                raise _held(held[0])
            self._enough(answers)
        raise OpsError(
            "lock/held", "others are taking the lock at this moment",
            hint="try again", exit=Exit.LOCKED,
        )  # fmt: skip

    def renew(self, fence: Fence, ttl: float) -> None:
        """Raises lock/lost when somebody else has it or it ran out, lock/out-of-reach when too few
        answer. A host that was away for that long takes it up again once most have it still."""
        values = {"token": fence.token, "holder": fence.holder, "ttl": ttl}
        answers = self._majority("renew", values)
        late = [host for host, one in answers.given.items() if one["lock"].get("ran_out")]
        if self._granted(answers) < self.majority:
            raise self._lost(answers)
        if late:
            self._send("renew", {**values, "again": True}, late)

    def _lost(self, answers: Answers) -> OpsError:
        """Why too few hosts renewed it. One that is away may have granted it for longer: as long as
        it may be held by most, whoever wants it is refused there."""
        who = self._holders(answers)
        silent = len(self.agents.hosts) - len(answers.given)
        away = not who and self._granted(answers) + silent >= self.majority
        if who:
            now = f"{who[0].holder} has it now"
        elif away:
            now = "too few hosts answer"
        elif any(answer["lock"].get("ran_out") for answer in answers.given.values()):
            now = "it was not renewed in time and ran out"
        else:
            now = "somebody released it"
        return OpsError(
            OUT_OF_REACH if away else "lock/lost",
            f"the lock was lost: {now}",
            hint="opsctl status; then apply again",
            exit=Exit.PARTLY,
        )

    def release(self, fence: Fence) -> None:
        self._send("release", {"token": fence.token, "holder": fence.holder})

    def take(self, who: str) -> Holder | None:
        """Take it from whoever has it and leave it free; gives who had it."""
        heads = self._majority("head", {})
        self._enough(heads)
        self._note(heads)
        held = self._holders(heads)
        token = self.highest + 1
        values = {"token": token, "holder": who, "ttl": 30.0, "by_force": True}
        answers = self._majority("acquire", values)
        self._send("release", {"token": token, "holder": who})
        self.highest = token
        self._enough(answers)
        return held[0] if held else None

    @property
    def majority(self) -> int:
        return len(self.agents.hosts) // 2 + 1

    def _majority(self, verb: str, values: Mapping[str, Any]) -> Answers:
        """Asks the hosts that speak, and the silent ones only where a majority hangs on them: to
        leave one out can only cost a grant, never lend one."""
        answers = self._send(verb, values)
        silent = tuple(self.agents.silent)
        if silent and len(answers.given) < self.majority:
            answers |= self._send(verb, values, silent)
        return answers

    def _send(
        self, verb: str, values: Mapping[str, Any], hosts: Sequence[str] | None = None
    ) -> Answers:
        request = {"lock": {"verb": verb, "values": values}}
        asked = self.agents.speaking if hosts is None else hosts
        # A renewal is over when the next one is due, whoever hangs: another target's waits for it.
        late = min(LATE, values.get("ttl", 3 * LATE) / 3)
        return self.agents.most(late).send(dict.fromkeys(asked, request), WORK)

    def _granted(self, answers: Answers) -> int:
        return sum(1 for answer in answers.given.values() if answer["lock"]["granted"])

    def _note(self, answers: Answers) -> None:
        seen = [int(answer["lock"].get("highest", 0)) for answer in answers.given.values()]
        self.highest = max([self.highest, *seen])

    def _holders(self, answers: Answers) -> Sequence[Holder]:
        """Others who hold it on a host that refused, the newest first."""
        heads = [a["lock"] for a in answers.given.values() if not a["lock"].get("granted")]
        held = [one for head in heads if "now" in head and (one := wire.holder(head))]
        return sorted(held, key=lambda one: -one.token)

    def _enough(self, answers: Answers) -> None:
        """Raises when too few hosts answered; the first one's reason is told."""
        if len(answers.given) >= self.majority:
            return
        error = next(iter(answers.failed.values()))
        if error.code == "hosts/other-environment":
            raise error
        if busy := [name for name, one in answers.failed.items() if one.code == "hosts/busy"]:
            raise OpsError(
                "lock/busy",
                f"a change of the one before is still under way on {', '.join(busy)}",
                hint="try again in a moment; it is the last one of a holder that is gone",
                exit=Exit.LOCKED,
            )
        raise OpsError(
            "lock/no-majority",
            f"{len(answers.given)} of {len(self.agents.hosts)} hosts answer, "
            f"{self.majority} are needed for the lock: {error.message}",
            where=error.where,
            hint=error.hint,
            exit=Exit.UNOBSERVED,
        )


def _held(holder: Holder) -> OpsError:
    return OpsError(
        "lock/held",
        f"{holder.holder} holds it since {_clock(holder.since)}, until {_clock(holder.expires)}",
        hint="wait, or opsctl lock release --reason ... if that one is gone",
        exit=Exit.LOCKED,
    )


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S} UTC"
