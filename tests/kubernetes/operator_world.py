"""The Prometheus Operator beside a bare API server, and a Prometheus that runs what it writes.

The Operator is the real one, built as the parts of Kubernetes are. It writes the configuration of a
`Prometheus` object into Secrets and ConfigMaps. No cluster makes the pod that would mount them, so
they are laid out in a folder, and the Prometheus of the image that pods of a cluster have runs them
unchanged but for that folder's name: the one of Debian 12 can't ask a cluster for its pods.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from api_server import ApiServer, free_ports, process
from cluster_site import await_until

from opsctl.lab.kubernetes import program
from opsctl.lab.kubernetes.images import engines_root

THEIRS = "theirs"  # the Prometheus object, and the account that it runs with
MOUNTED = "/etc/prometheus"  # where its pod would have what the Operator writes
IN_THE_POD = {"POD_NAME": f"prometheus-{THEIRS}-0", "SHARD": "0"}


@contextmanager
def operator(server: ApiServer, folder: Path) -> Iterator[None]:
    """The Operator with its own CRDs, as it is by default but for one thing: it says in the status
    of what it chooses whether it takes it."""
    binary = str(program("prometheus-operator", print))
    crds = subprocess.run([binary, "crds"], capture_output=True, text=True, check=True, timeout=60)
    server.kubectl("apply", "--server-side", "-f", "-", text=crds.stdout)
    server.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=50s")
    (port,) = free_ports(1)
    listen = f"127.0.0.1:{port}"
    gates = "--feature-gates=StatusForConfigurationResources=true"
    argv = [binary, f"--web.listen-address={listen}", gates]
    with process(folder, "operator", argv, {"KUBECONFIG": str(server.kubeconfig)}) as running:
        await_until(
            lambda: (running.poll(), answers(f"http://{listen}/healthz")),
            lambda seen: seen == (None, True),
            "the Operator to answer",
        )
        yield


@dataclass(frozen=True)
class Theirs:
    """A `Prometheus` object in a namespace of its own."""

    server: ApiServer
    namespace: str
    folder: Path

    def make(self, chosen: Mapping[str, Any]) -> None:
        """The object and its account. `chosen`: what it selects. It asks the API server where this
        machine reaches it, with its account's own token."""
        self._kubectl("create", "serviceaccount", THEIRS)
        self.token.touch(0o600)
        self.token.write_text(self._kubectl("create", "token", THEIRS, "--duration=2h").strip())
        api = {
            "host": self.server.url,
            "tlsConfig": {"caFile": str(self.server.folder / "certs" / "apiserver.crt")},
            "authorization": {"type": "Bearer", "credentialsFile": str(self.token)},
        }
        document = {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "Prometheus",
            "metadata": {"name": THEIRS, "namespace": self.namespace},
            "spec": {
                "version": f"v{version()}",
                "serviceAccountName": THEIRS,
                "apiserverConfig": api,
                **chosen,
            },
        }
        self._kubectl("apply", "-f", "-", text=json.dumps(document))

    @property
    def token(self) -> Path:
        return self.folder / "token"

    def config(self) -> str:
        """prometheus.yml as its pod would read it; "" before there is one."""
        found = self._items("secret", f"prometheus-{THEIRS}")
        return "".join(
            gzip.decompress(base64.b64decode(one["data"]["prometheus.yaml.gz"])).decode()
            for one in found
        )

    def jobs(self) -> dict[str, Mapping[str, Any]]:
        """By PodMonitor, how its targets are asked."""
        found = yaml.safe_load(self.config() or "{}").get("scrape_configs") or []
        return {one["job_name"].split("/")[2]: one for one in found}

    def groups(self) -> dict[str, Mapping[str, Any]]:
        """By name, all groups of rules."""
        texts = [text for files in self._rules().values() for text in files.values()]
        return {one["name"]: one for text in texts for one in yaml.safe_load(text)["groups"]}

    def laid_out(self) -> Path:
        """prometheus.yml in the folder, beside it everything that it names; with the words filled
        in that the pod's own reloader would fill in."""
        below = self.folder / "mounted"
        for name, data in self._files().items():
            path = below / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        file = below / "prometheus.yml"
        text = self.config().replace(f"{MOUNTED}/", f"{below}/")
        for word, value in IN_THE_POD.items():
            text = text.replace(f"$({word})", value)
        assert "$(" not in text
        file.write_text(text)
        return file

    def _files(self) -> dict[str, bytes]:
        certs = {
            f"certs/{name}": base64.b64decode(data)
            for one in self._items("secret", f"prometheus-{THEIRS}-tls-assets-")
            for name, data in one["data"].items()
        }
        rules = {
            f"rules/{folder}/{name}": text.encode()
            for folder, files in self._rules().items()
            for name, text in files.items()
        }
        return {**certs, **rules}

    def _rules(self) -> dict[str, Mapping[str, str]]:
        found = self._items("configmap", f"prometheus-{THEIRS}-rulefiles-")
        return {one["metadata"]["name"]: one.get("data") or {} for one in found}

    def _items(self, kind: str, name: str) -> list[dict[str, Any]]:
        """Those of that name, or of a name that begins so where it ends in "-"."""
        found = json.loads(self._kubectl("get", kind, "-o", "json"))["items"]
        return [
            one
            for one in found
            if (said := one["metadata"]["name"]) == name or (name[-1] == "-" and name in said)
        ]

    def _kubectl(self, *words: str, text: str | None = None) -> str:
        return self.server.kubectl("-n", self.namespace, *words, text=text)


@contextmanager
def prometheus(folder: Path, config: Path) -> Iterator[str]:
    """A Prometheus with that configuration, at a URL of this machine."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    argv = [
        *of_the_image("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with process(folder, "prometheus", argv) as running:
        await_until(
            lambda: (running.poll(), answers(f"{url}/-/ready")),
            lambda seen: seen == (None, True),
            "Prometheus to load it",
        )
        yield url


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """TLS between both, in memory. Raises ssl.SSLError where one does not believe the other."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(down, up, server_hostname=name),
        server.wrap_bio(up, down, server_side=True),
    )
    for end in ends * 4:
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    for end in ends:
        end.do_handshake()  # at its end already


def of_the_image(name: str) -> list[str]:
    """How to start a program of the image here, with the image's own libraries."""
    root = engines_root(print)
    (loader,) = (root / "usr").glob("lib*/ld-linux-*.so.*")
    (libraries,) = (one.parent for one in (root / "usr/lib").glob("*/libc.so.6"))
    return [str(loader), "--library-path", str(libraries), str(root / "usr/bin" / name)]


def version() -> str:
    """Of that Prometheus: the Operator writes what it understands."""
    words = [*of_the_image("prometheus"), "--version"]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    found = re.search(r"version (\d+\.\d+\.\d+)", said.stdout + said.stderr)
    assert found, said
    return found[1]


def asked(url: str, path: str) -> Any:
    """What its API answers."""
    with urllib.request.urlopen(f"{url}/api/v1/{path}", timeout=10) as answer:
        return json.load(answer)["data"]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
