"""Hosts of an Ansible inventory that is already there, read by Ansible itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.targets.hosts.values import Host

PATIENCE = 60  # seconds; a dynamic inventory may ask a cloud


def inventory_hosts(file: Path, group: str) -> dict[str, Host]:
    """The hosts of a group, in the inventory's order, with what it says of reaching them.

    Raises hosts/inventory when it can't be read, hosts/inventory-group without such a group.
    """
    return group_hosts(read_inventory(file), group, str(file))


def group_hosts(found: Mapping[str, Any], group: str, where: str) -> dict[str, Host]:
    """The hosts of a group of what ansible-inventory listed. Raises hosts/inventory-group."""
    if group not in found and group != "all":
        known = ", ".join(sorted(name for name in found if name not in ("_meta", "all")))
        raise OpsError(
            "hosts/inventory-group",
            f"it has no group {group}",
            where=where,
            hint=f"it has {known}" if known else "it has no groups",
            exit=Exit.INPUT,
        )
    variables: Mapping[str, Any] = found.get("_meta", {}).get("hostvars", {})
    names = dict.fromkeys(_members(found, group))
    return {name: host(name, variables.get(name, {})) for name in names}


def host(name: str, said: Mapping[str, Any]) -> Host:
    """A host from its variables; rack and labels come from `opsctl_rack` and `opsctl_labels`."""
    key, become = said.get("ansible_ssh_private_key_file"), said.get("ansible_become")
    port = said.get("ansible_port", said.get("ansible_ssh_port"))
    return Host(
        address=str(said.get("ansible_host", said.get("ansible_ssh_host", name))),
        rack=str(said.get("opsctl_rack", said.get("rack", ""))),
        labels={str(k): str(v) for k, v in dict(said.get("opsctl_labels", {})).items()},
        user=str(said.get("ansible_user", said.get("ansible_ssh_user", ""))),
        port=int(port) if port is not None else None,
        key=Path(str(key)).expanduser() if key else None,
        become=None if become is None else str(become).lower() in ("true", "yes", "1"),
    )


def _members(found: Mapping[str, Any], group: str) -> Iterator[str]:
    about = found.get(group, {})
    yield from about.get("hosts", ())
    for child in about.get("children", ()):
        yield from _members(found, child)


def read_inventory(file: Path) -> dict[str, Any]:
    """What ansible-inventory lists, in about a second. Raises hosts/inventory."""
    program = Path(sys.executable).with_name("ansible-inventory")
    if not program.exists():
        program = Path(shutil.which("ansible-inventory") or program)
    if not file.exists():
        message = "there is no such inventory"
        raise OpsError("hosts/inventory", message, where=str(file), exit=Exit.INPUT)
    argv = [str(program), "-i", str(file), "--list"]
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"ansible-inventory failed: {error}"
        raise OpsError("hosts/inventory", message, where=str(file)) from error
    if answer.returncode or "Unable to parse" in answer.stderr:
        raise OpsError(
            "hosts/inventory",
            "Ansible can't read it",
            where=str(file),
            hint=f"ansible-inventory -i {file} --list",
            details=tuple(answer.stderr.strip().splitlines()[-4:]),
            exit=Exit.INPUT,
        )
    found: dict[str, Any] = json.loads(answer.stdout)
    return found
