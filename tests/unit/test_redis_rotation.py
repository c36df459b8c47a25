"""users.sh with a real server: what a pod's files say while its servers know more already."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis_world import free_port

from opsctl.data import renderer

OLD, NEW = "old-password", "new-password"


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _user(password: str) -> str:
    return f"on sanitize-payload #{_digest(password)} ~* &* +@all"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A running server of `opsctl` alone, and beside it what a member has of it."""
    server = shutil.which("redis-server")
    assert server, "apt-get install redis-server"
    port = free_port()
    (tmp_path / "redis.auth").write_text(f"{OLD}\n")
    (tmp_path / "users.acl").write_text(f"user opsctl {_user(OLD)}\n")
    known = dict.fromkeys(("member", "service", "login_user", "servers_user"), "shop")
    script = renderer("redis")(
        "users.sh", **known, cli="redis-cli", server=server, server_flag="", port=port,
        ops_user="opsctl", auth_file=f"{tmp_path}/redis.auth", config_dir=str(tmp_path),
        acl_file=f"{tmp_path}/users.acl", stamp=f"{tmp_path}/redis.users", login_questions=(),
        kept_files=(), ordered=False,
    )  # fmt: skip
    (tmp_path / "users.sh").write_text(script.fill(lambda part: str(part)))
    flags = ["--port", str(port), "--save", "", "--aclfile", f"{tmp_path}/users.acl"]
    running = subprocess.Popen([server, *flags], cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while b"PONG" not in _cli(port, OLD, "PING"):
            assert time.monotonic() < end, "the server does not start"
        (tmp_path / "port").write_text(str(port))
        yield tmp_path
    finally:
        running.kill()
        running.wait()


def _cli(port: int, password: str, *words: str) -> bytes:
    argv = ["redis-cli", "-p", str(port), "--user", "opsctl", "--pass", password, *words]
    return subprocess.run(argv, capture_output=True, check=False).stdout


def _users(folder: Path, verb: str, *words: str, said: str = "") -> None:
    argv = ["sh", str(folder / "users.sh"), verb, *words]
    done = subprocess.run(argv, input=said, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_who_asks_and_who_starts_again_goes_on_with_a_rotated_password(folder: Path) -> None:
    _users(folder, "stamp")
    rules = "opsctl ~* &* +@all"
    for _ in range(2):  # said twice it is what it was
        said = f"{NEW}\n{rules}\nACL SETUSER opsctl reset {_user(NEW)}\n"
        _users(folder, "write", "opsctl", said=said)
    assert b"PONG" in _cli(int((folder / "port").read_text()), NEW, "PING")
    assert (folder / "redis.auth").read_text() == f"{NEW}\n"
    assert (folder / "users.acl").read_text() == f"user opsctl {_user(NEW)}\n"
    _users(folder, "stamp")  # before a start
    _users(folder, "read")
