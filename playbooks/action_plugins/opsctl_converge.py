"""Action plugin: fetches the host's batch from opsctl over a socket and hands the outcome back.

So a batch, which may hold secrets, is in no file, variable, argument, event or log of Ansible: it
goes from opsctl's memory through this process to the module's standard input.
"""

from __future__ import annotations

import json
import socket
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

PATIENCE = 30  # seconds to wait for opsctl, which answers from memory


class ActionModule(ActionBase):  # type: ignore[misc]
    """One task on one host."""

    _supports_check_mode = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        path, host = self._task.args["socket"], task_vars["inventory_hostname"]
        batch = exchange(path, {"host": host})
        password = batch.pop("become_password", None)
        if password and self._connection.become:
            self._connection.become.set_option("become_pass", password)
        arguments = {"batch": json.dumps(batch)}
        done = self._execute_module("opsctl_converge", arguments, task_vars=task_vars)
        answer = done.get("converged") or {"changed": [], "error": broken(done)}
        exchange(path, {"host": host, "outcome": answer})
        error = answer["error"]
        result.update(changed=bool(answer["changed"]), failed=bool(error))
        if error:
            result["msg"] = error["code"]
        return result


def broken(done: dict[str, Any]) -> dict[str, Any]:
    """The error of a module that gave no answer of its own."""
    said = str(done.get("module_stderr") or done.get("msg") or "it gave no answer")
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else said
    message = f"opsctl's module failed there: {last}"
    return {"code": "hosts/module", "message": message, "hint": "opsctl diagnose", "details": []}


def exchange(path: str, message: dict[str, Any]) -> dict[str, Any]:
    """Send one line of JSON, receive one."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE)
        try:
            line.connect(path)
            line.sendall(json.dumps(message).encode() + b"\n")
            with line.makefile("rb") as reader:
                answer: dict[str, Any] = json.loads(reader.readline())
        except (OSError, ValueError) as error:
            raise AnsibleError("opsctl, which holds this host's batch, is gone") from error
    return answer
