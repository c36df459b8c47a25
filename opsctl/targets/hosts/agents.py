"""One request to the program on each host, one answer from each, all hosts at once."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.ports import Secrets
from opsctl.targets.hosts import bundle, layout, ssh, ssh_errors
from opsctl.targets.hosts.values import Env, Host, SshOptions

Request = Mapping[str, Any]  # the parts that agent.py knows
AGAIN = 3.0  # seconds at least for a new connection in the place of a dead one
SLACK = 10.0  # seconds on top of what the work itself may take
FENCED = "hosts/fenced"  # the code of a host that has heard of a newer lock
LATE = 10.0  # seconds that hosts may take once most have answered, where most are enough


@dataclass(frozen=True, slots=True)
class Answers:
    """By host: what it answered, why it did not, and how far its clock is off (seconds)."""

    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failed: Mapping[str, OpsError] = field(default_factory=dict)
    clocks: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # offset, uncertainty

    @property
    def unreached(self) -> frozenset[str]:
        """Hosts with which there was no connection, so that asking again would take as long."""
        codes = ("hosts/unreachable", "hosts/timeout")
        return frozenset(name for name, error in self.failed.items() if error.code in codes)

    def __or__(self, more: Answers) -> Answers:
        return Answers(
            {**self.given, **more.given},
            {**self.failed, **more.failed},
            {**self.clocks, **more.clocks},
        )


@dataclass(frozen=True, slots=True)
class Agents:
    """The hosts of one target, as programs that can be asked.

    `silent` are the hosts that the last look did not reach: the same set for all who ask, emptied
    host by host as they answer again. Waiting for each of them at every turn of a run would take
    longer than the run. `begun` are programs that wait for a request already, each for one; they
    are the same for all who ask, too. `stragglers`: how many seconds hosts may take once most have
    answered; None for as long as it takes.
    """

    target: str
    environment: Env
    hosts: Mapping[str, Host]
    options: SshOptions
    secrets: Secrets
    silent: set[str] = field(default_factory=set)
    begun: dict[str, ssh.Begun] = field(default_factory=dict)
    stragglers: float | None = None

    @property
    def speaking(self) -> tuple[str, ...]:
        """The hosts less the silent ones."""
        return tuple(name for name in self.hosts if name not in self.silent)

    def most(self, late: float = LATE) -> Agents:
        """For what most hosts are enough for: who is `late` then counts as away."""
        return replace(self, stragglers=late)

    def begin(self) -> None:
        """Start the program on as many hosts as are asked at once, before the request is known.

        Not where sudo wants a password: a secret is read when it is needed, not before.
        """
        if self.options.become_password is not None:
            return
        for name in list(self.hosts)[: self.options.parallel]:
            if name not in self.begun:
                self.begun[name] = ssh.begin(self._command(name), bundle.bundle().program)

    def abandon(self) -> None:
        """End the programs that were not asked."""
        while self.begun:
            ssh.abandon(self.begun.popitem()[1])

    def send(self, requests: Mapping[str, Request], work: float = 20.0) -> Answers:
        """Send each host its request; `work` is how many seconds answering may take there.

        A host that fails is in `failed`: nothing is raised for it. A kept connection that turns
        out to be dead is dropped and tried once more.
        """
        bound = work + self.options.connect_timeout + SLACK
        said = self._run(requests, work, bound)
        dead = [name for name, one in said.items() if one.exit == 255 and not _fresh(one)]
        if dead:
            for name in dead:
                ssh.forget(self.hosts[name], self.options)
            spent = max(said[name].ended - said[name].began for name in dead)
            again = self._less_patient(spent)
            said |= again._run({name: requests[name] for name in dead}, work, bound)
        given: dict[str, Mapping[str, Any]] = {}
        failed: dict[str, OpsError] = {}
        clocks: dict[str, tuple[float, float]] = {}
        for name, one in said.items():
            try:
                answer = self._answer(name, one)
            except OpsError as error:
                failed[name] = error
                continue
            given[name] = answer
            offset = float(answer["facts"]["clock"]) - (one.began + one.ended) / 2
            clocks[name] = (offset, (one.ended - one.began) / 2)
        for name, failure in failed.items():
            # Who was not waited for to the end may only be slow, and other work goes that way.
            if failure.code == "hosts/timeout" and self.stragglers is None:
                ssh.forget(self.hosts[name], self.options)
        self.silent.difference_update(given)
        return Answers(given, failed, clocks)

    def _less_patient(self, spent: float) -> Agents:
        """For another try: the dead connection has used up `spent` seconds of the patience."""
        rest = max(AGAIN, self.options.connect_timeout - spent)
        patience = min(rest, self.options.connect_timeout)
        return replace(self, options=replace(self.options, connect_timeout=patience))

    def _run(
        self, requests: Mapping[str, Request], work: float, bound: float
    ) -> dict[str, ssh.Said]:
        calls: dict[str, ssh.Call] = {}
        for name, request in requests.items():
            common = {"environment": self.environment_at(name), "deadline": int(work + SLACK)}
            text = json.dumps({**common, **request}, separators=(",", ":")).encode()
            if begun := self.begun.pop(name, None):
                calls[name] = (begun, text)
            else:
                calls[name] = (self._command(name), self._opening(name) + text)
        return ssh.run_all(calls, bound, self.options.parallel, self.stragglers)

    def _opening(self, name: str) -> bytes:
        """What the program's standard input begins with. Raises as `password`."""
        password = self.password(name)
        line = f"{password}\n".encode() if password else b""
        return line + bundle.bundle().program

    def environment_at(self, host: str) -> dict[str, Any]:
        """As its program is told of it: what the spec calls this host, and what it calls others. A
        machine may have two names, or be a copy of another: what is an other's stays that."""
        others = [layout.where(self.target, name) for name in self.hosts if name != host]
        return {
            "name": self.environment.name,
            "id": self.environment.id,
            "where": layout.where(self.target, host),
            "others": [*others, *self.environment.beside],
        }

    def _command(self, name: str) -> list[str]:
        host = self.hosts[name]
        words = bundle.COMMAND
        if ssh.becomes(host, self.options):
            # -k: a password is asked for, and read, whatever was given a moment ago.
            how = "-k -S -p ''" if self.options.become_password else "-n"
            words = f"sudo {how} -- /bin/sh -c {shlex.quote(bundle.COMMAND)}"
        return ssh.command(host, self.options, words)

    def password(self, name: str) -> str:
        """sudo's password for a host, "" when none is needed. Raises hosts/no-sudo if unknown."""
        ref = self.options.become_password
        if ref is None or not ssh.becomes(self.hosts[name], self.options):
            return ""
        value = self.secrets.value(ref)
        if value is None:
            raise OpsError(
                "hosts/no-sudo",
                f"the secret {ref.name} that sudo's password shall come from is not known",
                hint=f"opsctl secrets set {ref.name}",
                exit=Exit.REFUSED,
            )
        return value

    def _answer(self, name: str, said: ssh.Said) -> Mapping[str, Any]:
        """The parsed answer. Raises what ssh, sudo, the program or the host refused."""
        where = f"{self.target}/{name}"
        if said.exit != 0:
            if error := ssh_errors.unreachable(where, self.hosts[name].address, said):
                raise error
            raise OpsError(
                "hosts/agent",
                f"opsctl's program failed there (exit code {said.exit})",
                where=f"host {where}",
                hint="opsctl diagnose; this is a fault of opsctl or of the host's Python",
                details=tuple(said.err.strip().splitlines()[-4:]),
                exit=Exit.UNOBSERVED,
            )
        try:
            answer: dict[str, Any] = json.loads(said.out)
        except ValueError as error:
            raise OpsError(
                "hosts/agent",
                "its answer could not be read; does a login script print something?",
                where=f"host {where}",
                details=(said.out[:200].decode(errors="replace"),),
                exit=Exit.UNOBSERVED,
            ) from error
        if "error" in answer:
            raise refusal(answer["error"], where)
        return answer


def refusal(wire: Mapping[str, Any], where: str, exit: Exit = Exit.REFUSED) -> OpsError:
    """A refusal of the host's program as an OpsError."""
    return OpsError(
        wire["code"],
        wire["message"],
        where=f"host {where}",
        hint=wire.get("hint", ""),
        details=tuple(wire.get("details", ())),
        exit=exit,
    )


def _fresh(said: ssh.Said) -> bool:
    """Whether the failure is of a connection made just now, so that another try has no use."""
    words = ("mux_client", "Control socket", "Broken pipe", "closed by remote", "Connection reset")
    return not any(word in said.err for word in words)
