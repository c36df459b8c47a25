"""A Kubernetes API server without a cluster: etcd and kube-apiserver on loopback.

For tests of what the API answers. No controller runs: a namespace that is deleted stays, nothing
makes pods. The `cluster` fixture has all of that.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from opsctl.lab.kubernetes import program

START_TIMEOUT = 120.0  # seconds; 5 were seen on an idle machine
USERS = ("admin", "plain")  # admin may do everything, plain nothing until a test lets it


@dataclass(frozen=True)
class ApiServer:
    """Where it is and how to log in."""

    folder: Path
    url: str
    tokens: dict[str, str]

    @property
    def kubeconfig(self) -> Path:
        """Of the user who may do everything."""
        return self.folder / "admin.kubeconfig"

    def kubeconfig_of(self, user: str, namespace: str = "default") -> Path:
        """A kubeconfig (JSON is YAML) of one of USERS, in a namespace."""
        path = self.folder / f"{user}-{namespace}.kubeconfig"
        path.touch(0o600)
        path.write_text(json.dumps(self._kubeconfig(user, namespace)))
        return path

    def kubectl(self, *arguments: str, text: str | None = None, check: bool = True) -> str:
        """What kubectl prints, as the user who may do everything."""
        argv = [str(program("kubectl", print)), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def _kubeconfig(self, user: str, namespace: str) -> dict[str, object]:
        authority = str(self.folder / "certs" / "apiserver.crt")
        context = {"cluster": "bare", "user": user, "namespace": namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bare",
            "clusters": [
                {
                    "name": "bare",
                    "cluster": {"server": self.url, "certificate-authority": authority},
                }
            ],
            "users": [{"name": user, "user": {"token": self.tokens[user]}}],
            "contexts": [{"name": "bare", "context": context}],
        }


@contextmanager
def running(folder: Path) -> Iterator[ApiServer]:
    """Start both below `folder`, wait until the server is ready, and end them afterwards."""
    etcd, peer, port = free_ports(3)
    found = ApiServer(
        folder, f"https://127.0.0.1:{port}", {user: secrets.token_hex(16) for user in USERS}
    )
    _write_secrets(found)
    with ExitStack() as stack:
        stack.enter_context(process(folder, "etcd", _etcd(folder, etcd, peer)))
        server = stack.enter_context(
            process(folder, "kube-apiserver", _apiserver(folder, etcd, port))
        )
        _await_ready(found, server)
        admin = found.kubeconfig_of("admin")
        admin.replace(found.kubeconfig)
        yield found


def _etcd(folder: Path, port: int, peer: int) -> list[str]:
    client, between = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
    program_file = shutil.which("etcd")
    assert program_file, "etcd is missing: make tools (apt-get install etcd-server)"
    return [
        program_file,
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={between}",
        f"--initial-advertise-peer-urls={between}",
        f"--initial-cluster=default={between}",
    ]


def _apiserver(folder: Path, etcd: int, port: int) -> list[str]:
    return [
        str(program("kube-apiserver", print)),
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certs'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        # No controller makes the account that this plugin wants every pod to have.
        "--disable-admission-plugins=ServiceAccount",
        # The loopback address can't be the endpoint of the Service `kubernetes`.
        "--endpoint-reconciler-type=none",
    ]


def _write_secrets(server: ApiServer) -> None:
    rows = [
        f'{token},{user},{user},"{"system:masters" if user == "admin" else "plain"}"\n'
        for user, token in server.tokens.items()
    ]
    path = server.folder / "tokens.csv"
    path.touch(0o600)
    path.write_text("".join(rows))
    subprocess.run(
        ["openssl", "genrsa", "-out", str(server.folder / "accounts.key"), "2048"],
        capture_output=True,
        check=True,
        timeout=60,
    )


@contextmanager
def process(
    folder: Path, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the test run, killed or not. `env`: beside this one's own; what it
    says is in NAME.log."""
    with (folder / f"{name}.log").open("wb") as log:
        started = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **(env or {})},
        )
        try:
            yield started
        finally:
            started.kill()
            started.wait()


def _await_ready(server: ApiServer, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_TIMEOUT
    while not _is_ready(server):
        log = (server.folder / "kube-apiserver.log").read_text(errors="replace")[-3000:]
        assert process.poll() is None, f"kube-apiserver ended:\n{log}"
        assert time.monotonic() < end, f"kube-apiserver was not ready in {START_TIMEOUT} s:\n{log}"
        time.sleep(0.1)


def _is_ready(server: ApiServer) -> bool:
    authority = server.folder / "certs" / "apiserver.crt"
    try:
        context = ssl.create_default_context(cafile=str(authority))
        request = urllib.request.Request(
            f"{server.url}/readyz", headers={"Authorization": f"Bearer {server.tokens['admin']}"}
        )
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
