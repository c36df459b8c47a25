"""Changes, through ansible-runner: one run for all hosts of a wave, one module call for each."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opsctl.errors import Exit, OpsError, machine_failed
from opsctl.planning.resource import Resource, ResourceId
from opsctl.ports import Event, Events, Fence, Outcome, Work
from opsctl.targets.hosts import layout, ssh, wire
from opsctl.targets.hosts.agents import FENCED, Agents, refusal
from opsctl.targets.hosts.batches import serving
from opsctl.targets.hosts.bundle import PYTHON, playbooks
from opsctl.targets.hosts.realise import Context
from opsctl.targets.hosts.scratch import scratch

LONGEST = 1800  # seconds for one wave; packages from a slow mirror need some of them


class Applying:
    """Does one wave's work."""

    def __init__(self, agents: Agents, context: Context, options: Mapping[str, Any]):
        self.agents, self.context, self.options = agents, context, options

    def run(self, work: Sequence[Work], fence: Fence, events: Events) -> dict[str, Outcome]:
        """Outcomes by where. Raises secrets/unknown before anything is changed, OSError where this
        machine failed before any host told how it ended."""
        steps = {one.where: one.step for one in work}
        batches = {layout.host_of(where): self._batch(where, work, fence) for where in steps}
        outcomes: dict[str, Outcome] = {}

        def took(host: str, answer: Mapping[str, Any]) -> None:
            where = layout.where(self.agents.target, host)
            outcomes[where] = outcome(where, answer)
            events(_told(outcomes[where], steps[where]))

        lost: set[str] = set()

        def heard(event: Mapping[str, Any]) -> bool:
            about = event.get("event_data", {})
            where = layout.where(self.agents.target, str(about.get("host", "")))
            if event["event"] == "runner_on_start":
                events(Event(where, "converging", "begin", steps.get(where, "")))
            if event["event"] == "runner_on_unreachable":
                lost.add(where)  # why is hidden, like all that the module is given or says
            return False  # keep nothing on disk

        status = ""
        broken: OpsError | None = None
        try:
            with serving(batches, took) as socket:
                status = self._ansible(list(batches), socket, heard)
        except OSError as failed:
            if not outcomes:
                raise
            broken = machine_failed(failed)
        for where in steps:
            if where not in outcomes:
                error = broken or self._silent(where, status, lost=where in lost)
                outcomes[where] = Outcome(where, error=error)
                events(_told(outcomes[where], steps[where]))
        return outcomes

    def _batch(self, where: str, work: Sequence[Work], fence: Fence) -> dict[str, Any]:
        """What the module on a host is given; it holds secret values and stays in memory."""
        mine = [one for one in work if one.where == where]
        key = self.context.secrets.key
        batch: dict[str, Any] = {
            "environment": self.agents.environment_at(layout.host_of(where)),
            "key": key.hex() if key is not None else None,
            "fence": {"token": fence.token, "holder": fence.holder},
            "options": dict(self.options),
            "write": [self._whole(r) for one in mine for r in (*one.write, *one.restart)],
            "restart": [r.id.key for one in mine for r in one.restart],
            "remove": [wire.going(name) for one in mine for name in one.remove],
        }
        password = self.agents.password(layout.host_of(where))
        if password:
            batch["become_password"] = password
        return batch

    def _whole(self, resource: Resource) -> dict[str, Any]:
        made = wire.whole(resource, content(self.context, resource))
        text = wire.payload(resource).text
        if text and "check" in made["spec"]:
            # What the file's check says is shown, so the host must know what to hide in it.
            known = self.context.known
            made["spec"]["hidden"] = {wire.secret_id(ref): known(ref) for ref in text.secrets}
        return made

    def _ansible(self, hosts: Sequence[str], socket: Path, heard: Any) -> str:
        """Run the playbook; gives ansible-runner's status. Its folder is gone afterwards."""
        import ansible_runner

        with scratch() as folder:
            done = ansible_runner.run(
                private_data_dir=str(folder),
                project_dir=str(playbooks()),
                playbook=str(playbooks() / "converge.yml"),
                inventory={"all": {"hosts": {host: self._variables(host) for host in hosts}}},
                extravars={"opsctl_socket": str(socket)},
                envvars=environment(folder),
                settings={"job_timeout": LONGEST, "suppress_ansible_output": True},
                forks=len(hosts),
                quiet=True,
                event_handler=heard,
                cancel_callback=lambda: False,  # signals are the caller's to decide on
            )
            return str(done.status)

    def _variables(self, name: str) -> dict[str, Any]:
        host, options = self.agents.hosts[name], self.agents.options
        variables: dict[str, Any] = {
            "ansible_host": host.address,
            "ansible_ssh_args": shlex.join(ssh.arguments(host, options)),
            "ansible_python_interpreter": PYTHON,
            "ansible_become": ssh.becomes(host, options),
        }
        if user := ssh.user_of(host, options):
            variables["ansible_user"] = user
        return variables

    def _silent(self, where: str, status: str, lost: bool) -> OpsError:
        """Why a host's module never told how it ended: as a question to the host ends now."""
        host = layout.host_of(where)
        hint = "opsctl plan shows what is left; apply again"
        if error := self.agents.send({host: {}}).failed.get(host):
            error.exit = Exit.FAILED
            return error
        if lost:
            message = "the connection broke off in the middle"
            return OpsError("hosts/unreachable", message, where=f"host {where}", hint=hint)
        what = "took too long" if status == "timeout" else "ended before this host was done"
        return OpsError("hosts/ansible", f"Ansible {what}", where=f"host {where}", hint=hint)


def content(context: Context, resource: Resource) -> str | None:
    """A file's content with its secrets. Raises secrets/unknown when one is not known here."""
    text = wire.payload(resource).text
    if text is None:
        return None
    filled = context.filled(text)
    if filled is None:
        names = ", ".join(sorted({ref.name for ref in text.derived}))
        raise OpsError(
            "secrets/unknown",
            f"{resource.id.name} needs secrets that are not known here: {names}",
            where=f"host {resource.id.where}",
            hint="is the root key here? opsctl secrets",
            exit=Exit.REFUSED,
        )
    return filled


def outcome(where: str, answer: Mapping[str, Any]) -> Outcome:
    changed = tuple(ResourceId.parse(key) for key in answer["changed"])
    if not answer["error"]:
        return Outcome(where, changed)
    fenced = answer["error"]["code"] == FENCED  # by whoever came after: nothing was tried
    exit = Exit.PARTLY if changed else Exit.REFUSED if fenced else Exit.FAILED
    return Outcome(where, changed, refusal(answer["error"], where, exit))


def _told(outcome: Outcome, step: str) -> Event:
    if outcome.error:
        return Event(outcome.where, outcome.error.message, "failed", step)
    count = len(outcome.changed)
    words = "nothing to change" if not count else f"{count} changed"
    return Event(outcome.where, words, "done", step)


def environment(folder: Path) -> dict[str, str]:
    """What Ansible's process is told; it wins over the user's own ANSIBLE_ settings."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '/usr/bin:/bin')}"
    return {
        "PATH": path,
        "ANSIBLE_CONFIG": str(playbooks() / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_KEEP_REMOTE_FILES": "0",
        "ANSIBLE_NO_TARGET_SYSLOG": "1",
        "ANSIBLE_LOG_PATH": "",
        "ANSIBLE_DEBUG": "0",
        "ANSIBLE_STRATEGY": "linear",
        "ANSIBLE_VERBOSITY": "0",
    }
