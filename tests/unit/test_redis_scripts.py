"""The start scripts, run by sh against pretend servers: what a member decides before it starts."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis_world import address, described, filled, seats

from opsctl.data import renderer
from opsctl.engines.redis import ENGINE, RedisService
from opsctl.workload import Directory, Workload

SHELLS = [shell for shell in ("dash", "busybox") if shutil.which(shell)] or ["sh"]

# The pretend client: its answer to "-h HOST -p PORT" is a file; none is a refused connection.
CLIENT = """#!/bin/sh
cat >/dev/null
cat "$ANSWERS/$2-$4" 2>/dev/null || { echo "Could not connect" >&2; exit 1; }
"""


@dataclass
class Host:
    """One member's files below a temporary folder, with pretend peers."""

    root: Path
    workload: Workload
    member: str
    shell: str

    def __post_init__(self) -> None:
        for part in self.workload.member(self.member).components:
            for file in part.files:
                path = self._here(file.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                text = file.text.fill(filled)
                for folder in ("/etc/opsctl", "/var/lib/opsctl", "/run/opsctl"):
                    text = text.replace(folder, f"{self.root}{folder}")
                # Waiting is the servers' business; here it is over at once.
                text = (
                    text.replace("$(now) + 20", "$(now) + 0")
                    .replace("+ 25", "+ 0")
                    .replace("+ 11)", "+ 2)")
                )
                path.write_text(text.replace("$(date +%s) + 20", "$(date +%s) + 0"))
        for script in ("users.sh", "sentinel-users.sh"):
            self._here(f"/etc/opsctl/{self.member}/{script}").write_text("exit 0\n")
        self._here(f"/run/opsctl/{self.member}").mkdir(parents=True)
        (self.root / "bin").mkdir()
        (self.root / "answers").mkdir()
        client = self.root / "bin/redis-cli"
        client.write_text(CLIENT)
        client.chmod(0o755)

    def _here(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def data(self, name: str) -> Path:
        return self._here(f"/var/lib/opsctl/{self.member}/{name}")

    def holds_data(self) -> None:
        manifest = self.data("appendonlydir/appendonly.aof.manifest")
        manifest.parent.mkdir()
        manifest.write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")

    def follows(self, member: str | None) -> None:
        self.data("redis.conf").write_text(f"replicaof {address(member)} 6379\n" if member else "")

    def sentinel(self, member: str, *, primary: str, epoch: int = 0, flags: str = "master",
                 replicas: int = 0) -> None:  # fmt: skip
        said = {
            "name": "shop",
            "ip": address(primary),
            "port": "6379",
            "runid": "",
            "flags": flags,
            "config-epoch": str(epoch),
            "num-slaves": str(replicas),
        }
        lines = ["OK", *(word for pair in said.items() for word in pair)]
        self._answer(f"{address(member)}-26379", lines)

    def server(self, member: str, *role: str) -> None:
        self._answer(f"{address(member)}-6379", ["OK", *role])

    def _answer(self, name: str, lines: list[str]) -> None:
        (self.root / "answers" / name).write_text("\n".join(lines) + "\n")

    def start(self, script: str = "start-redis.sh") -> tuple[int, str]:
        """The exit code, and what the server's own file says of whom it follows."""
        path = self._here(f"/etc/opsctl/{self.member}/{script}")
        shell = ["busybox", "sh"] if self.shell == "busybox" else [self.shell]
        done = subprocess.run(
            [*shell, str(path)],
            env={"PATH": f"{self.root}/bin:/usr/bin:/bin", "ANSWERS": f"{self.root}/answers"},
            capture_output=True,
            text=True,
            timeout=20,
        )
        self.said = done.stdout + done.stderr
        return done.returncode, self.following()

    def following(self) -> str:
        lines = self.data("redis.conf").read_text().splitlines()
        return next((line for line in lines if line.startswith("replicaof")), "")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def host(tmp_path: Path, shell: str) -> Host:
    """shop-0, which was primary and holds data."""
    made = Host(tmp_path, described(), "shop-0", shell)
    made.holds_data()
    made.follows(None)
    return made


def test_what_a_majority_says_is_done(host: Host) -> None:
    host.sentinel("shop-0", primary="shop-0")
    host.sentinel("shop-1", primary="shop-0")
    assert host.start() == (0, "")


def test_a_killed_primary_comes_back_as_a_replica(host: Host) -> None:
    host.sentinel("shop-0", primary="shop-0", epoch=3)
    host.sentinel("shop-1", primary="shop-2", epoch=4)
    assert host.start() == (0, "replicaof 10.0.0.3 6379")


def test_a_primary_that_died_steps_aside_for_a_while(host: Host) -> None:
    for member in ("shop-0", "shop-1", "shop-2"):
        host.sentinel(member, primary="shop-0", replicas=2)
    assert host.start() == (0, "")  # after a boot at once
    began = time.monotonic()
    assert host.start() == (0, "")  # nobody took over: it is primary again
    assert time.monotonic() - began > 0.9


def test_without_a_majority_a_primary_does_not_start(host: Host) -> None:
    host.sentinel("shop-0", primary="shop-0")
    code, _ = host.start()
    assert code == 1
    assert "1 of 3 Sentinels answer: 2 must say" in host.said


def test_a_person_may_say_that_it_starts_alone(host: Host) -> None:
    host.data("start-alone").touch()
    assert host.start() == (0, "")


def test_during_a_failover_a_primary_waits(host: Host) -> None:
    for member in ("shop-0", "shop-1"):
        host.sentinel(member, primary="shop-0", flags="master,o_down,failover_in_progress")
    assert host.start()[0] == 1


def test_without_a_majority_a_replica_stays_one(host: Host) -> None:
    host.follows("shop-1")
    assert host.start() == (0, "replicaof 10.0.0.2 6379")


def test_what_config_rewrite_left_does_not_stay(host: Host) -> None:
    host.data("redis.conf").write_text("replicaof 10.0.0.2 6379\nmaxmemory 1\nmaxclients 5\n")
    host.start()
    assert "max" not in host.data("redis.conf").read_text()


def test_the_first_member_of_a_new_service_is_primary(tmp_path: Path, shell: str) -> None:
    assert Host(tmp_path, described(), "shop-0", shell).start() == (0, "")


def test_the_other_members_of_a_new_service_follow_the_first(tmp_path: Path, shell: str) -> None:
    fresh = Host(tmp_path, described(), "shop-1", shell)
    assert fresh.start() == (0, "replicaof 10.0.0.1 6379")


def test_a_first_member_whose_disk_was_replaced_follows_who_is_named(
    tmp_path: Path, shell: str
) -> None:
    fresh = Host(tmp_path, described(), "shop-0", shell)
    fresh.sentinel("shop-1", primary="shop-2", epoch=1)
    assert fresh.start() == (0, "replicaof 10.0.0.3 6379")


def test_an_empty_server_is_not_primary_beside_its_own_snapshot(tmp_path: Path, shell: str) -> None:
    fresh = Host(tmp_path, described(), "shop-0", shell)
    fresh.data("dump.rdb").write_text("REDIS")
    code, _ = fresh.start()
    assert code == 1
    assert "there is no AOF" in fresh.said


def test_a_snapshot_of_a_service_without_persistence_is_put_aside(
    tmp_path: Path, shell: str
) -> None:
    fresh = Host(tmp_path, described(persistence="none"), "shop-0", shell)
    fresh.data("dump.rdb").write_text("REDIS")
    assert fresh.start() == (0, "")
    assert not fresh.data("dump.rdb").exists()


def test_a_sentinel_watches_whom_its_peers_watch_else_the_first_member(
    tmp_path: Path, shell: str
) -> None:
    fresh = Host(tmp_path, described(), "shop-2", shell)
    assert fresh.start("start-sentinel.sh")[0] == 0
    text = fresh.data("sentinel.conf").read_text()
    assert "sentinel monitor shop 10.0.0.1 6379 2\n" in text
    assert "sentinel down-after-milliseconds shop 5000\n" in text
    fresh.sentinel("shop-0", primary="shop-1", epoch=2)
    fresh.start("start-sentinel.sh")
    assert fresh.data("sentinel.conf").read_text() == text  # it has its own memory now
    fresh.data("sentinel.conf").write_text("# new\n")
    fresh.start("start-sentinel.sh")
    assert "sentinel monitor shop 10.0.0.2 6379 2" in fresh.data("sentinel.conf").read_text()


@pytest.fixture
def pair(tmp_path: Path, shell: str) -> Host:
    """shop-0 of a service in replication mode, which was primary and holds data."""
    made = Host(tmp_path, described(mode="replication"), "shop-0", shell)
    made.holds_data()
    made.follows(None)
    return made


def test_without_sentinel_a_returning_primary_follows_who_is_primary_now(pair: Host) -> None:
    pair.server("shop-1", "master", "100")
    assert pair.start() == (0, "replicaof 10.0.0.2 6379")


def test_without_sentinel_two_primaries_are_refused(pair: Host) -> None:
    pair.server("shop-1", "master", "100")
    pair.server("shop-2", "master", "100")
    code, _ = pair.start()
    assert code == 1
    assert "2 members say that they are primary" in pair.said


def test_without_sentinel_a_primary_whose_replicas_wait_for_it_starts(pair: Host) -> None:
    for member in ("shop-1", "shop-2"):
        pair.server(member, "slave", address("shop-0"), "6379", "connect", "100")
    assert pair.start() == (0, "")


def test_without_sentinel_a_primary_that_others_left_does_not_start(pair: Host) -> None:
    pair.server("shop-2", "slave", address("shop-1"), "6379", "connect", "100")
    code, _ = pair.start()
    assert code == 1
    assert "another member follows 10.0.0.2 6379" in pair.said


def test_without_sentinel_an_empty_primary_does_not_wipe_its_replicas(
    tmp_path: Path, shell: str
) -> None:
    empty = Host(tmp_path, described(mode="replication"), "shop-0", shell)
    empty.server("shop-1", "slave", address("shop-0"), "6379", "connect", "500")
    code, _ = empty.start()
    assert code == 1
    assert "a replica still has it" in empty.said


def test_every_script_is_a_posix_script(tmp_path: Path) -> None:
    for mode in ("sentinel", "replication"):
        service = RedisService(engine="redis", on="dc", replicas=3, mode=mode)
        there = seats(3, sentinel=mode == "sentinel")
        workload = ENGINE.describe("shop", service, there, renderer("redis"), Directory())
        for part in workload.member("shop-0").components:
            for file in part.files:
                if file.path.endswith(".sh"):
                    path = tmp_path / "script.sh"
                    path.write_text(file.text.fill(filled))
                    subprocess.run(["sh", "-n", str(path)], check=True)
