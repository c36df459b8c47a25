"""What balancers are told, judged by the programs themselves."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lab_site import await_until

from opsctl.clients.secrets import EnvironmentSecrets, Variables
from opsctl.clients.secrets.deriving import new_root_key
from opsctl.workload import CertRef, SecretRef
from routes_world import EDGE, PLAIN, REPLICATION, SESSIONS, SHARED, SPLIT, files

pytestmark = pytest.mark.lab
INSTALL = "apt-get install -y haproxy keepalived socat (or: make tools)"


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, f"{name} is missing: {INSTALL}"
    return found


@pytest.mark.parametrize("service", [SESSIONS, REPLICATION, {**SESSIONS, "failover": "fast"}])
@pytest.mark.parametrize("routes", [SHARED, SPLIT, PLAIN])
def test_haproxy_takes_the_configuration(
    tmp_path: Path, routes: dict[str, Any], service: dict[str, Any]
) -> None:
    write(tmp_path, files(routes, sessions=service))
    said = subprocess.run(
        [program("haproxy"), "-c", "-f", str(tmp_path / "haproxy.cfg")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    warnings = [line for line in said.stderr.splitlines() if "[WARNING]" in line]
    known = ("changed from server-state", "could not resolve address 'no-such.invalid'")
    assert [line for line in warnings if not any(words in line for words in known)] == []


def write(folder: Path, made: dict[str, str]) -> None:
    """What HAProxy reads, with the folder in the place of a host's ones."""
    run = re.search(r"server-state-file (\S+)/state", made["haproxy.cfg"])
    assert run
    text = made["haproxy.cfg"].replace(run.group(1), str(folder))
    text = text.replace("/etc/opsctl/shop/edge/edge-0", str(folder))
    secrets = EnvironmentSecrets("shop", Variables({"OPSCTL_ROOT_KEY": new_root_key()}), {})
    proof = CertRef("proof", "certificate", ("edge-0",))
    (folder / "status.pem").write_text(secrets.certificate(proof) or "")
    (folder / "status.pem.key").write_text(secrets.value(SecretRef("proof", "key")) or "")
    (folder / "haproxy.cfg").write_text(text)
    (folder / "state").write_text(made["unasked.state"])


@pytest.fixture
def reach(tmp_path: Path) -> Iterator[Callable[[], bool]]:
    """keepalived's look at a running balancer on 127.77.0.11; the others' addresses are this
    machine's too, and nobody listens there."""
    with closing(listening("127.77.0.11", 0)) as door:
        port = str(door.getsockname()[1])
    made = {
        name: text.replace("10.77.0.", "127.77.0.").replace(":8404", f":{port}")
        for name, text in files(SHARED, edge={**EDGE, "failover": "fast"}).items()
    }
    # Setting an address free of the host takes rights that this needs for nothing else.
    made["haproxy.cfg"] = made["haproxy.cfg"].replace(" transparent", "")
    write(tmp_path, made)
    script = tmp_path / "reach.sh"
    script.write_text(made["reach.sh"])
    address = "127.77.0.100"

    def found() -> bool:
        done = subprocess.run(["sh", str(script), address], capture_output=True, check=False)
        return done.returncode == 0

    with subprocess.Popen(
        [program("haproxy"), "-db", "-f", str(tmp_path / "haproxy.cfg")], cwd=tmp_path
    ) as process:
        try:
            yield found
        finally:
            process.kill()
    assert found()  # one that says nothing is another check's business


def listening(host: str, port: int) -> socket.socket:
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind((host, port))
    door.listen()
    return door


def test_an_address_is_of_no_use_while_neither_a_majority_nor_the_other_balancer_is_in_reach(
    reach: Callable[[], bool],
) -> None:
    await_until(reach, lambda reached: not reached, "one of three to be too few")
    with closing(listening("127.77.0.13", 26379)):
        await_until(reach, bool, "two of three, with the voter here, to be enough")
    await_until(reach, lambda reached: not reached, "one of three to be too few again")


@pytest.mark.parametrize("own", ["10.77.0.11", "fd00:77::11"])
@pytest.mark.parametrize("routes", [SHARED, SPLIT])
def test_keepalived_takes_the_configuration(
    tmp_path: Path, routes: dict[str, Any], own: str
) -> None:
    """The start script makes it, on this machine's interfaces in the place of a host's."""
    made = files(routes)
    config = tmp_path / "keepalived.conf"
    others = {"10.77.0.11": own, "10.77.0.12": own[:-1] + "2"}
    text, start = made["keepalived.conf"], made["start-keepalived.sh"]
    for old, new in others.items():
        text, start = text.replace(old, new), start.replace(old, new)
    for name in ("serves.sh", "reach.sh"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    folder = "/etc/opsctl/shop/edge/edge-0"
    config.write_text(text.replace(folder, str(tmp_path)).replace("haproxy haproxy", "root root"))
    start = start.replace("/run/opsctl/shop/edge/edge-0", str(tmp_path / "run"))
    (tmp_path / "run").mkdir()
    programs = tmp_path / "programs"
    programs.mkdir()
    shown = f"1: lo inet 127.0.0.1/8 scope host\\n2: lo inet {own}/24 scope global\\n"
    (programs / "ip").write_text(f"#!/bin/sh\nprintf '{shown}'\n")
    (programs / "ip").chmod(0o755)
    # Interfaces of other machines are unknown to this one, and keepalived refuses loopback.
    (programs / "keepalived").write_text(
        f"#!/bin/sh\nsed -i 's/interface lo$/interface {_interface()}/' \"$3\"\n"
        f'exec {program("keepalived")} "$@"\n'
    )
    (programs / "keepalived").chmod(0o755)
    said = subprocess.run(
        ["sh", "-c", start.replace(folder, str(tmp_path))],
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    result = (tmp_path / "run" / "keepalived.conf").read_text()
    assert "@" not in result.replace("@4@ or @6@", "")
    assert ("unicast_peer" in result) == (":" not in own or "six" in routes)


def _interface() -> str:
    links = sorted(path.name for path in Path("/sys/class/net").iterdir())
    return next(name for name in links if name != "lo")
