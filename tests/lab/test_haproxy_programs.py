"""What balancers are told, judged by the programs themselves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from opsctl.clients.secrets import EnvironmentSecrets, Variables
from opsctl.clients.secrets.deriving import new_root_key
from opsctl.workload import CertRef, SecretRef
from routes_world import PLAIN, REPLICATION, SESSIONS, SHARED, SPLIT, files

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
    made = files(routes, sessions=service)
    run = re.search(r"server-state-file (\S+)/state", made["haproxy.cfg"])
    assert run
    text = made["haproxy.cfg"].replace(run.group(1), str(tmp_path))
    text = text.replace("/etc/opsctl/shop/edge/edge-0", str(tmp_path))
    secrets = EnvironmentSecrets("shop", Variables({"OPSCTL_ROOT_KEY": new_root_key()}), {})
    proof = CertRef("proof", "certificate", ("edge-0",))
    (tmp_path / "status.pem").write_text(secrets.certificate(proof) or "")
    (tmp_path / "status.pem.key").write_text(secrets.value(SecretRef("proof", "key")) or "")
    (tmp_path / "haproxy.cfg").write_text(text)
    (tmp_path / "state").write_text(made["unasked.state"])
    said = subprocess.run(
        [program("haproxy"), "-c", "-f", str(tmp_path / "haproxy.cfg")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    warnings = [line for line in said.stderr.splitlines() if "[WARNING]" in line]
    known = ("changed from server-state", "could not resolve address 'no-such.invalid'")
    assert [line for line in warnings if not any(words in line for words in known)] == []


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
    (tmp_path / "serves.sh").write_text("#!/bin/sh\n")
    (tmp_path / "serves.sh").chmod(0o755)
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
