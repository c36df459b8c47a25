#!/usr/bin/python3
"""Ansible module: makes a batch of things on one host as desired. See opsctl_host/converge.py."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.opsctl_host.converge import converge

DOCUMENTATION = """
module: opsctl_converge
short_description: Make a batch of packages, folders, files and units as desired
description:
  - Refuses what others own, a lock token that is not the newest, another environment's host.
options:
  batch:
    description: The whole request as JSON, file contents included.
    type: str
    required: true
author: opsctl
"""

EXAMPLES = """
- opsctl_converge:
    batch: "{{ opsctl_batch | to_json }}"
"""

RETURN = """
converged:
  description: The keys of what was really changed, in order, and the refusal or null.
  type: dict
  returned: always
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={"batch": {"type": "str", "required": True, "no_log": True}},
        supports_check_mode=False,
    )
    answer = converge(json.loads(module.params["batch"]))
    changed = bool(answer["changed"])
    if answer["error"]:
        error = answer["error"]
        message = f"[{error['code']}] {error['message']}"
        module.fail_json(msg=message, converged=answer, changed=changed)
    module.exit_json(converged=answer, changed=changed)


if __name__ == "__main__":
    main()
