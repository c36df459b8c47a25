#!/usr/bin/python3
"""Ansible module: makes a batch of things on one host as desired. See opsctl_host/converge.py."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.opsctl_host.converge import converge
from ansible.module_utils.opsctl_host.filling import filled
from ansible.module_utils.opsctl_host.shell import RefusedError

DOCUMENTATION = """
module: opsctl_converge
short_description: Make a batch of packages, folders, files and units as desired
description:
  - Refuses what others own, a lock token that is not the newest, another environment's host.
options:
  batch:
    description: The whole request as JSON.
    type: str
    required: true
  values:
    description: The key and the secrets of a batch that was rendered without them.
    type: dict
author: opsctl
"""

EXAMPLES = """
- opsctl_converge:
    batch: "{{ lookup('ansible.builtin.file', 'batches/' ~ inventory_hostname ~ '.json') }}"
    values: "{{ opsctl_values }}"
"""

RETURN = """
converged:
  description: The keys of what was really changed, in order, and the refusal or null.
  type: dict
  returned: always
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "batch": {"type": "str", "required": True, "no_log": True},
            "values": {"type": "dict", "no_log": True},
        },
        supports_check_mode=False,
    )
    try:
        answer = converge(filled(json.loads(module.params["batch"]), module.params["values"] or {}))
    except RefusedError as refused:
        answer = {"changed": [], "error": refused.wire}
    changed = bool(answer["changed"])
    if answer["error"]:
        error = answer["error"]
        message = f"[{error['code']}] {error['message']}"
        module.fail_json(msg=message, converged=answer, changed=changed)
    module.exit_json(converged=answer, changed=changed)


if __name__ == "__main__":
    main()
