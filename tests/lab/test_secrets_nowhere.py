"""Secrets stand where they must and nowhere else; and a rotation reaches everybody."""

from __future__ import annotations

import hashlib
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from lab_site import Ended, Site, await_until
from redis_client import assert_written, await_whole, password, primary, write
from secret_watch import Needles, Watch, on_host

from opsctl.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

SPEC = """\
opsctl: 1
name: safe
targets:
  dc:
    ssh: {{user: ops, key: {key}, known_hosts: {known_hosts}, become_password: {{secret: sudo}}}}
    hosts:
{hosts}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: fast
    memory: 64MiB
    users:
      - {{name: app}}
      - {{name: reporting, keys: "report:*", password: {{secret: reporting}}}}
"""
OWN = ("opsctl", "opsctl-peer", "opsctl-replica", "opsctl-sentinel")
DERIVED = tuple(f"sessions/user/{name}" for name in ("app", *OWN))
APPLY = ("apply", "--yes", "--max-impact", "failover")


@dataclass
class Told:
    """An environment, its secrets, and everything that opsctl said of it."""

    site: Site
    needles: Needles
    since: float
    watch: Watch
    said: list[tuple[str, Ended]] = field(default_factory=list)

    def run(self, *arguments: str) -> Ended:
        ended = self.site.run(*arguments)
        self.said.append((" ".join(arguments), ended))
        return ended


@pytest.fixture(scope="module")
def told(make_lab: Callable[..., Lab], tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Built, looked at, changed and broken while somebody watched every process and file."""
    since = time.time() - 1
    lab = make_lab("safe")
    hosts = "\n".join(f"      {host.name}: {{address: {host.address}}}" for host in lab.hosts)
    spec = SPEC.format(key=lab.key, known_hosts=lab.known_hosts, hosts=hosts)
    # Its own processes' arguments and environment are looked at, too.
    site = Site(tmp_path_factory.mktemp("safe"), lab, spec, warm=False)
    site.ok("secrets", "init")
    given = {"reporting": secrets.token_urlsafe(24), "sudo": lab.password_file.read_text().strip()}
    for name, value in given.items():
        site.ok("secrets", "set", name, text=f"{value}\n")
    values = {**given, "root-key": password(site, "root-key")}
    values |= {name: password(site, name) for name in DERIVED}
    vault = next(site.folder.glob("config/opsctl/*.vault-password"))
    values["the vault's password"] = vault.read_text().strip()
    assert len(set(values.values())) == len(values)
    # The bare digest of what a person thought of can be guessed from: it is a secret as well.
    digest = hashlib.sha256(given["reporting"].encode()).hexdigest()
    values["digest of reporting"] = digest
    watch = Watch(Needles(values))
    story = Told(site, watch.needles, since, watch)
    with watch:
        _live(story)
    return story


def _live(told: Told) -> None:
    site = told.site
    for form in ("human", "json", "markdown"):
        told.run("plan", "--verbose", "--output", form)
    told.run("plan", "--out", "first.plan")
    assert told.run("apply", "first.plan", "--verbose").exit == 0
    site.edit("memory: 64MiB", "memory: 64MiB\n    settings: {databases: 8}")
    told.run("plan", "--out", "second.plan", "--verbose", "--explain")
    assert told.run(*APPLY, "--output", "json").exit == 0
    site.edit("databases: 8}", "databases: 8, maxmemory-samples: 1000}")  # which Redis refuses
    assert told.run(*APPLY).exit == 1
    assert told.run("drift", "--verbose").exit == 3
    told.run("drift", "--output", "json")
    site.edit(", maxmemory-samples: 1000}", "}")
    assert told.run(*APPLY).exit == 0
    for words in (
        "status", "history --verbose", "graph", "render spec", "logs sessions", "lock show",
        "secrets show", "validate", "preflight", "topology", "schema",
    ):  # fmt: skip
        told.run(*words.split())
    for words in ("status", "history", "secrets show", "lock show", "preflight", "graph"):
        told.run(*words.split(), "--output", "json")
    told.run("restart", "sessions/sessions-1", "--yes")
    told.run("render", "ansible", "project")


def test_no_process_shows_a_secret_in_its_arguments_or_environment(told: Told) -> None:
    assert {"ssh", "redis-cli", "redis-server", "ansible-playbook"} <= told.watch.programs
    assert not {found for found in told.watch.found if not found[0].startswith("/")}


def test_no_secret_is_in_a_file_of_ansible_or_opsctl_while_they_run(told: Told) -> None:
    assert any("opsctl-ansible-" in path for path in told.watch.files)
    assert not {found for found in told.watch.found if found[0].startswith("/")}


def test_a_secret_that_a_process_shows_or_a_file_holds_is_found(tmp_path: Path) -> None:
    """The watch itself: what it can't see would prove nothing."""
    needles = Needles({"in environ": "abcdef0123456789", "in argv": "9876543210fedcba"})
    with Watch(needles) as watch:
        argv = [sys.executable, "-c", "import time; time.sleep(60)", "9876543210fedcba"]
        shown = {"NAME": "x-YWJjZGVmMDEyMzQ1Njc4OQ=="}  # the first one, in base64
        with subprocess.Popen(argv, env=shown, stderr=subprocess.DEVNULL) as process:
            await_until(lambda: watch.found, lambda found: len(found) == 2, "both to be found")
            process.kill()
    assert {secret for _, secret in watch.found} == {"in environ", "in argv"}
    (tmp_path / "file").write_bytes(b"...abcdef0123456789...")
    assert needles.in_files(tmp_path) == {str(tmp_path / "file"): {"in environ"}}


def test_no_command_says_a_secret(told: Told) -> None:
    assert len(told.said) > 20
    for words, ended in told.said:
        assert ended.out or ended.err
        assert not told.needles.found_in((ended.out + ended.err).encode()), words


def test_nothing_on_this_machine_holds_a_secret_but_the_vaults_own_password(told: Told) -> None:
    folder = told.site.folder
    places = [folder, Path.home() / ".ansible", Path.home() / ".local/state/opsctl"]
    assert {path.name for path in folder.iterdir()} >= {"first.plan", "second.plan", "project"}
    assert list(folder.glob("state/opsctl/*/journal.jsonl"))
    found = told.needles.in_files(*places, *Path("/tmp").glob("opsctl-*"))
    (vault,) = folder.glob("config/opsctl/*.vault-password")
    assert found == {str(vault): {"the vault's password"}}
    for path in (vault, folder / "opsctl.secrets.yml"):
        assert path.stat().st_mode & 0o077 == 0, path


def must_hold(member: str) -> dict[str, set[str]]:
    """The files of a member that hold secrets: every one, and which."""
    config, data = (f"{top}/opsctl/safe/sessions/{member}" for top in ("/etc", "/var/lib"))
    ops, peer, replica, watching = DERIVED[1:]
    return {
        f"{config}/redis.auth": {ops},
        f"{config}/sentinel.auth": {ops},
        f"{config}/replication.conf": {replica},
        f"{config}/sentinel-auth.conf": {peer, watching},
        # The digests of passwords are what a server asks for.
        f"{config}/users.acl": {"digest of reporting"},
        f"{config}/sentinel-users.acl": {"digest of reporting"},
    } | {
        # Files of the servers' own, into which they write what they were started with.
        f"{data}/redis.conf": {replica},
        f"{data}/sentinel.conf": {peer, watching},
    }


def test_a_host_holds_secrets_only_in_the_files_that_need_them_and_these_are_closed(
    told: Told,
) -> None:
    for host in told.site.lab.hosts:
        found = on_host(told.site, host.name, told.needles, told.since)
        (member,) = {path.split("/")[5] for path in found if path.startswith("/etc/opsctl/")}
        allowed = must_hold(member)
        needed = {path for path in allowed if path.startswith("/etc/")}
        assert needed <= set(found)
        for path, (mode, names) in found.items():
            assert names <= allowed.get(path, set()), f"{host.name}: {path} holds {names}"
            assert mode & 0o007 == 0, f"{host.name}: {path} has the mode {mode:o}"


def test_children_do_not_inherit_the_root_key_of_a_pipeline(told: Told, tmp_path: Path) -> None:
    clone = told.site.elsewhere(tmp_path / "pipeline")
    clone.edit("databases: 8}", "databases: 9}")
    clone.environment = {
        "OPSCTL_ROOT_KEY": password(told.site, "root-key"),
        "OPSCTL_SECRET_REPORTING": password(told.site, "reporting"),
        "OPSCTL_SECRET_SUDO": told.site.lab.password_file.read_text().strip(),
    }
    with Watch(told.needles) as watch:
        running = clone.begin(*APPLY)
        watch.allowed.add(running.process.pid)
        ended = running.end()
    assert ended.exit == 0, ended.err
    assert not {found for found in watch.found if "bin/opsctl" not in found[0]}
    assert not told.needles.found_in((ended.out + ended.err).encode())
    told.site.edit("databases: 8}", "databases: 9}")


def refused(site: Site, user: str, secret: str) -> set[str]:
    """Servers and Sentinels that do not take the password."""
    found = set()
    for host in site.lab.hosts:
        for port in (6379, 26379):
            client = redis.Redis(
                host.address, port, username=user, password=secret, socket_timeout=5
            )
            try:
                client.ping()
            except redis.AuthenticationError:
                found.add(f"{host.name}:{port}")
            finally:
                client.close()
    return found


def test_a_rotated_password_of_an_application_is_taken_by_all_and_the_old_one_by_none(
    told: Told,
) -> None:
    site = told.site
    old = password(site, "sessions/user/app")
    write(site, "sessions", 50)
    site.ok("secrets", "rotate", "sessions/user/app")
    new = password(site, "sessions/user/app")
    assert new != old
    assert site.plan()["steps"]
    site.ok("apply", "--yes")  # no client but this user's feels it
    site.assert_converged()
    assert refused(site, "app", new) == set()
    assert len(refused(site, "app", old)) == 6
    assert_written(site, "sessions", 50)
    assert primary(site, "sessions").ping()


ALONE = [pytest.param((name,), marks=pytest.mark.soak) for name in OWN]


@pytest.mark.parametrize("users", [OWN, *ALONE], ids=" ".join)
def test_rotated_passwords_of_opsctls_own_leave_a_whole_service(
    told: Told, users: tuple[str, ...]
) -> None:
    site = told.site
    old = {user: password(site, f"sessions/user/{user}") for user in users}
    for user in users:
        site.ok("secrets", "rotate", f"sessions/user/{user}")
    if users == OWN:  # and servers restart in the same apply, which let nobody in as before
        site.edit("{databases", "{tcp-backlog: 256, databases")
    site.ok(*APPLY)
    await_whole(site, "sessions")
    site.assert_converged()
    for user in users:
        assert len(refused(site, user, old[user])) == 6
    write(site, "sessions", 20, users[0])
    assert_written(site, "sessions", 20, users[0])


@pytest.mark.soak
def test_a_rotation_that_was_killed_goes_on(told: Told) -> None:
    site = told.site
    for user in ("opsctl", "opsctl-replica"):
        site.ok("secrets", "rotate", f"sessions/user/{user}")
    site.environment["OPSCTL_LOCK_TTL"] = "8"
    running = site.begin(*APPLY)
    running.until(lambda event: event["event"] == "done")
    running.kill()
    site.once_free(*APPLY)
    await_whole(site, "sessions")
    site.assert_converged()
