"""A project that plain ansible-playbook runs to the same state, without opsctl.

It holds no secret in the clear: contents are kept in parts, and values stand in a vars file that is
encrypted with ansible-vault or, without a vault password, is left for the reader to write.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from opsctl.planning.resource import Resource
from opsctl.targets.hosts import layout, ssh, wire
from opsctl.targets.hosts.bundle import playbooks
from opsctl.targets.hosts.realise import Context
from opsctl.targets.hosts.target import HostsTarget
from opsctl.workload import CertRef, SecretRef

VALUES = "group_vars/all/opsctl_values.yml"
SITE = """\
# Made by opsctl. Run it with: ansible-playbook -i inventory.json site.yml
- name: Make the hosts as desired
  hosts: all
  gather_facts: false
  tasks:
    - name: Converge
      opsctl_converge:
        batch: "{{ lookup('ansible.builtin.file', 'batches/' ~ inventory_hostname ~ '.json') }}"
        values: "{{ opsctl_values | default({}) }}"
"""
README = """\
# {environment} on {target}

Made by opsctl from the environment's spec. It runs without opsctl:

    ansible-playbook -i inventory.json {ask}site.yml

- `batches/HOST.json`: all that shall be on a host, secrets left out.
- `{values}`: {about}
- `library/`, `module_utils/`: the module that compares and changes. It notes what it made in each
  host's manifest, /var/lib/opsctl/{environment}/manifest.json: `opsctl plan` is empty after it.

It changes all hosts at once and knows no order of members: for changes of a running service use
`opsctl apply`, or `--limit` one host after the other. It refuses while somebody holds opsctl's
lock.
"""


def render_project(
    target: HostsTarget,
    resources: Sequence[Resource],
    directory: Path,
    vault_password: str | None = None,
) -> tuple[Path, ...]:
    """Write the project below `directory`; gives the files written.

    Raises secrets/unknown when values are to be encrypted and one is not known here.
    """
    written = [*_code(directory), *_batches(target, resources, directory)]
    written.append(_write(directory / "inventory.json", _json(_inventory(target, resources))))
    written.append(_write(directory / "site.yml", SITE))
    refs = tuple(_secrets(resources))
    if vault_password is not None:
        text = _json({"opsctl_values": _values(target.context, refs)})
        written.append(_write(directory / VALUES, _encrypted(text, vault_password), 0o600))
    written.append(_write(directory / "README.md", _readme(target, refs, vault_password)))
    return tuple(written)


def _code(directory: Path) -> Iterator[Path]:
    source = playbooks()
    for folder in ("library", "module_utils"):
        ignore = shutil.ignore_patterns("__pycache__", "agent.py", "loader.py")
        shutil.copytree(source / folder, directory / folder, dirs_exist_ok=True, ignore=ignore)
        yield directory / folder
    configuration = (source / "ansible.cfg").read_text().replace("action_plugins = ", "#")
    yield _write(directory / "ansible.cfg", configuration)


def _batches(target: HostsTarget, resources: Sequence[Resource], directory: Path) -> Iterator[Path]:
    environment = target.environment
    for host in _hosts(resources):
        where = layout.where(target.name, host)
        batch = {
            "environment": {"name": environment.name, "id": environment.id},
            "key": None,
            "fence": None,
            "options": target.host_options,
            "write": [_item(one) for one in resources if one.id.where == where],
            "restart": [],
            "remove": [],
        }
        yield _write(directory / "batches" / f"{host}.json", _json(batch))


def _item(resource: Resource) -> dict[str, Any]:
    """As the module wants it, but with the content in parts: text and names of secrets."""
    item = wire.whole(resource, None)
    text = wire.payload(resource).text
    if text is not None:
        item["spec"]["content"] = [
            {"secret": wire.secret_id(part)} if isinstance(part, SecretRef | CertRef) else part
            for part in text.parts
        ]
    return item


def _inventory(target: HostsTarget, resources: Sequence[Resource]) -> dict[str, Any]:
    return {"all": {"hosts": {host: _host(target, host) for host in _hosts(resources)}}}


def _host(target: HostsTarget, name: str) -> dict[str, Any]:
    host, options = target.hosts[name], target.ssh
    variables: dict[str, Any] = {"ansible_host": host.address}
    if user := ssh.user_of(host, options):
        variables["ansible_user"] = user
    if port := host.port or options.port:
        variables["ansible_port"] = port
    if key := host.key or options.key:
        variables["ansible_ssh_private_key_file"] = str(key)
    if ssh.becomes(host, options):
        variables["ansible_become"] = True
    more = [word for option in options.options for word in ("-o", option)]
    if options.known_hosts:
        more += ["-o", f"UserKnownHostsFile={options.known_hosts}"]
    more += ssh.jump(host, options)
    if more:
        variables["ansible_ssh_common_args"] = shlex.join(more)
    return variables


def _hosts(resources: Sequence[Resource]) -> list[str]:
    return list(dict.fromkeys(layout.host_of(resource.id.where) for resource in resources))


def _secrets(resources: Sequence[Resource]) -> Iterator[SecretRef | CertRef]:
    texts = (wire.payload(resource).text for resource in resources)
    yield from dict.fromkeys(ref for text in texts if text for ref in text.derived)


def _values(context: Context, refs: Sequence[SecretRef | CertRef]) -> dict[str, Any]:
    key = context.secrets.key
    values = {wire.secret_id(ref): context.known(ref) for ref in refs}
    return {"key": key.hex() if key is not None else None, "secrets": values}


def _encrypted(text: str, password: str) -> str:
    from ansible.parsing.vault import VaultLib, VaultSecret

    vault = VaultLib([("default", VaultSecret(password.encode()))])
    sealed: bytes = vault.encrypt(text.encode(), vault.secrets[0][1])
    return sealed.decode()


def _readme(target: HostsTarget, refs: Sequence[SecretRef | CertRef], password: str | None) -> str:
    if password is not None:
        about = "the secrets' values, encrypted with ansible-vault."
    else:
        names = ", ".join(f"`{wire.secret_id(ref)}`" for ref in refs) or "none"
        about = (
            "not written, for no vault password was given. Write it as `opsctl_values: {key: HEX, "
            f"secrets: {{NAME: VALUE}}}}` and encrypt it. Names: {names}."
        )
    return README.format(
        environment=target.environment.name,
        target=target.name,
        values=VALUES,
        about=about,
        ask="--ask-vault-pass " if refs else "",
    )


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def _write(path: Path, text: str, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode)
    path.chmod(mode)
    path.write_text(text)
    return path
