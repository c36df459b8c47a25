"""What `opsctl render ansible` writes: plain ansible-playbook builds the same from it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

import pytest
from lab_site import ROOT, Site
from redis_client import assert_written, await_whole, password, write
from secret_watch import Needles, on_host

from conftest import REDIS
from opsctl.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
PROGRAMS = ROOT / ".venv" / "bin"
RECAP = re.compile(r"^(\S+)\s*: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.M)


@dataclass
class Project:
    """A rendered project, the site whose it is, and all that Ansible said of it."""

    site: Site
    folder: Path
    vault: Path
    since: float
    said: str = ""

    def ansible(self, program: str, *arguments: str) -> str:
        """What one of Ansible's own commands prints; it knows nothing of opsctl."""
        known = {name: value for name, value in os.environ.items() if "OPSCTL" not in name}
        ended = subprocess.run(
            [str(PROGRAMS / program), *arguments, "--vault-password-file", str(self.vault)],
            cwd=self.folder,
            env={**known, "PATH": os.defpath, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=180,
            check=False,
        )
        assert ended.returncode == 0, (ended.stdout + ended.stderr)[-5000:]
        return ended.stdout + ended.stderr

    def play(self) -> dict[str, int]:
        """Runs it as its README says, with all that Ansible tells; gives host to changes."""
        said = self.ansible("ansible-playbook", "-vvv", "-i", "inventory.json", "site.yml")
        self.said += said
        assert "[WARNING]" not in said
        recap = RECAP.findall(said)
        assert all((unreachable, failed) == ("0", "0") for _, _, unreachable, failed in recap)
        return {host: int(changed) for host, changed, _, _ in recap}


@pytest.fixture(scope="module")
def project(make_lab: Callable[..., Lab], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Rendered before anything was ever built there."""
    since = time.time() - 1
    top = tmp_path_factory.mktemp("render")
    vault = top / "vault-password"
    vault.touch(0o600)
    vault.write_text(token_urlsafe(24))
    given = {"OPSCTL_VAULT_PASSWORD_FILE": str(vault)}
    site = Site(top / "site", make_lab("render"), REDIS.format(lab="render"), given)
    site.ok("secrets", "init")
    site.ok("render", "ansible", str(top / "project"))
    return Project(site, top / "project", vault, since)


def test_plain_ansible_builds_what_is_described_and_opsctl_finds_nothing_to_do(
    project: Project,
) -> None:
    site = project.site
    changed = project.play()
    assert sorted(changed) == [host.name for host in site.lab.hosts]
    assert all(changed.values())
    await_whole(site, "sessions")
    site.assert_converged()
    assert site.status()["healthy"]
    write(site, "sessions", 20)
    assert_written(site, "sessions", 20)


def test_a_second_run_of_ansible_changes_nothing(project: Project) -> None:
    assert set(project.play().values()) == {0}
    project.site.assert_converged()


def test_no_secret_stands_in_the_project_or_in_what_ansible_told(project: Project) -> None:
    sealed = "group_vars/all/opsctl_values.yml"
    held = json.loads(project.ansible("ansible-vault", "view", sealed))["opsctl_values"]
    secrets = {**held["secrets"], "key": held["key"]}
    secrets["root-key"] = password(project.site, "root-key")
    secrets["app"] = password(project.site, "sessions/user/app")
    assert len(secrets) >= 6
    needles = Needles(secrets)
    assert needles.in_files(project.folder) == {}
    assert needles.found_in(project.said.encode()) == set()
    for host in project.site.lab.hosts:
        found = on_host(project.site, host.name, needles, project.since)
        assert any(path.startswith("/etc/opsctl/") for path in found)  # where they belong
        assert "journald" not in found
        assert not [path for path in found if path.startswith(("/proc", "/root", "/tmp", "/home"))]
