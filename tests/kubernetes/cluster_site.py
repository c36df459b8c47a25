"""An environment in a namespace of the cluster, driven by the opsctl command; a client there."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.lab.kubernetes import Cluster

sys.path.append(str(Path(__file__).parents[1] / "lab"))  # last: no conftest of there is meant
from lab_site import Ended, Site, await_until
from redis_client import await_whole, roles

# Balancers are on the control plane's node as well; members are not, it has no volumes.
SPEC = """\
opsctl: 1
name: {name}
drills: allowed
targets:
  dc:
    kubernetes:
      tolerations: [{{key: node-role.kubernetes.io/control-plane, operator: Exists}}]
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: fast
    memory: 64MiB
routes:
  sessions: {{to: sessions}}
"""
CLIENT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "client"},
    "spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": "redis:8.0", "command": ["sleep", "100000"]}],
    },
}


@dataclass
class Home:
    """A site, the namespace it builds in, and one beside it with a client's pod."""

    site: Site
    cluster: Cluster
    namespace: str

    @property
    def outside(self) -> str:
        return f"{self.namespace}-clients"

    def kubectl(self, *words: str) -> str:
        return self.cluster.kubectl("-n", self.namespace, *words, timeout=120)

    def items(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "-o", "json"))["items"]
        return found

    def client(self) -> None:
        self.cluster.kubectl("create", "namespace", self.outside)
        words = ("-n", self.outside)
        self.cluster.kubectl("apply", *words, "-f", "-", text=json.dumps(CLIENT))
        bound = ("--for=condition=Ready", "--timeout=60s")
        self.cluster.kubectl("wait", *words, "pod/client", *bound, timeout=90)

    def redis(self, *commands: str) -> list[str]:
        """What the route's address answers to commands of a client in another namespace."""
        password = self.site.ok("secrets", "show", "sessions/user/app").out.strip()
        text = "\n".join((f"AUTH app {password}", *commands)) + "\n"
        call = ("redis-cli", "-h", f"sessions.{self.namespace}.svc")
        words = ("exec", "-i", "-n", self.outside, "client", "--", *call)
        said = self.cluster.kubectl(*words, text=text).splitlines()
        assert said[0] == "OK", said
        return said[1:]

    def away(self) -> None:
        names = (self.namespace, self.outside, f"{self.namespace}-opsctl-nodes")
        words = ("--ignore-not-found", "--wait=false")
        self.cluster.kubectl("delete", "namespace", *names, *words, timeout=60)

    def roles(self) -> dict[str, str]:
        """Member to the role of its data server."""
        return roles(self.site, "sessions")

    def primary(self) -> str:
        return next(name for name, role in self.roles().items() if role == "primary")

    def await_whole(self, members: int = 3) -> dict[str, str]:
        """One primary, everybody else its replica that could take over at once."""
        return await_whole(self.site, "sessions", members, seconds=90)

    def pods(self) -> dict[str, str]:
        """Member to its pod's uid."""
        return {
            one["metadata"]["labels"]["opsctl.dev/member"]: one["metadata"]["uid"]
            for one in self.items("pods")
            if "opsctl.dev/member" in one["metadata"]["labels"]
        }


def home(cluster: Cluster, folder: Path, spec: str = SPEC) -> Home:
    """An environment of a name of its own, with its root key, and nothing applied yet."""
    name = f"life-{secrets.token_hex(3)}"
    known = {"KUBECONFIG": str(cluster.kubeconfig)}
    found = Site(folder, cluster.lab, spec.format(name=name), known, warm=False)
    found.ok("secrets", "init")
    return Home(found, cluster, name)


__all__ = ["SPEC", "Ended", "Home", "Site", "await_until", "home"]
