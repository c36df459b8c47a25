"""The same hosts for pyinfra: reads the JSON inventory that ansible is given."""

import json
import os
from pathlib import Path

_said = json.loads(Path(os.environ["BENCH_INVENTORY"]).read_text())["all"]
_shared = _said["vars"]

hosts = [
    (
        name,
        {
            **_shared,
            **own,
            "ssh_hostname": own["ansible_host"],
            "ssh_user": "root",
            "ssh_key": _shared["ansible_ssh_private_key_file"],
            "ssh_known_hosts_file": _shared["known_hosts"],
            "ssh_strict_host_key_checking": "yes",
            "ssh_allow_agent": False,
            "ssh_look_for_keys": False,
        },
    )
    for name, own in _said["hosts"].items()
]
