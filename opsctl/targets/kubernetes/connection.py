"""How a cluster is reached: what kubeconfig says, as a pool of connections and credentials."""

from __future__ import annotations

import os
import threading
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from opsctl.errors import Exit, OpsError

POOL: Final = 12  # connections kept; more requests than this never run at once


class Connection:
    """One context of kubeconfig, or, where neither is named nor there, the pod's own account inside
    a cluster.

    Nothing is read before it is asked for. Raises OpsError kubernetes/no-kubeconfig, /no-context,
    /credentials (all exit 2).
    """

    def __init__(self, context: str | None = None, kubeconfig: Path | None = None) -> None:
        self.context = context
        self._kubeconfig = kubeconfig
        self._reading = threading.RLock()

    @property
    def words(self) -> str:
        return f"context {self.context}" if self.context else "the current context"

    @property
    def options(self) -> list[str]:
        """The same as words of a command line."""
        found = ["--kubeconfig", str(self._kubeconfig)] if self._kubeconfig else []
        return [*found, "--context", self.context] if self.context else found

    @cached_property
    def host(self) -> str:
        return str(self.configuration.host).rstrip("/")

    @property
    def headers(self) -> dict[str, str]:
        """Credentials that travel in headers; tokens that ran out are made anew."""
        with self._reading:
            said: dict[str, Any] = self.configuration.auth_settings()
        return {one["key"]: str(one["value"]) for one in said.values() if one["in"] == "header"}

    @property
    def configuration(self) -> Any:
        """The kubernetes package's Configuration."""
        with self._reading:
            return self._read

    @cached_property
    def pool(self) -> Any:
        """Its pool of HTTP connections, safe for threads."""
        from kubernetes.client.rest import RESTClientObject

        pool = RESTClientObject(self.configuration).pool_manager
        pool.connection_pool_kw |= _one_at_a_time()
        return pool

    @cached_property
    def _read(self) -> Any:
        from kubernetes.client import Configuration
        from kubernetes.config import ConfigException

        found = Configuration()
        try:
            self._load(found)
        except ConfigException as error:
            raise self._unusable(str(error)) from None
        except _unreadable() as error:
            words = " ".join(str(error).split())
            raise self._unusable(f"{type(error).__name__}: {words}") from None
        found.connection_pool_maxsize = POOL
        found.retries = False
        return found

    def _load(self, found: Any) -> None:
        from kubernetes.config import load_incluster_config, load_kube_config

        if not (self._file or self.context) and "KUBERNETES_SERVICE_HOST" in os.environ:
            load_incluster_config(client_configuration=found)
            return
        if not self._file:
            raise OpsError(
                "kubernetes/no-kubeconfig",
                "there is no kubeconfig: neither KUBECONFIG nor ~/.kube/config names a file",
                where=self.words,
                hint="set KUBECONFIG to the file that your cluster came with",
                exit=Exit.INPUT,
            )
        load_kube_config(self._file, self.context, client_configuration=found, persist_config=False)

    def _unusable(self, reason: str) -> OpsError:
        known = self._contexts()
        if self.context and known is not None and self.context not in known:
            return OpsError(
                "kubernetes/no-context",
                f'kubeconfig has no context "{self.context}"',
                where=self._file,
                hint=f"it has {', '.join(known)}" if known else "it has none",
                exit=Exit.INPUT,
            )
        return OpsError(
            "kubernetes/credentials",
            f"kubeconfig can't be used: {reason}",
            where=self.words,
            hint="kubectl config view; kubectl version",
            exit=Exit.INPUT,
        )

    def _contexts(self) -> tuple[str, ...] | None:
        """Those that it has; None where it can't be read. It need not name a current one."""
        from kubernetes.config.kube_config import KubeConfigMerger

        try:
            every = KubeConfigMerger(self._file).config.value["contexts"]
            return tuple(sorted(str(one["name"]) for one in every))
        except _unreadable():
            return None

    @property
    def _file(self) -> str:
        """One path, or several as KUBECONFIG has them; "" where there is none."""
        return str(self._kubeconfig) if self._kubeconfig else os.pathsep.join(_files())


def _unreadable() -> tuple[type[Exception], ...]:
    """What the library raises of a kubeconfig that is none: it takes its form for granted."""
    from kubernetes.config import ConfigException
    from yaml import YAMLError

    return (ConfigException, YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError)


def _one_at_a_time() -> dict[str, Any]:
    """Keeps a urllib3 that speaks HTTP/2 to HTTP/1.1: with a connection for each thread, 500
    objects were applied for 2.2 s of processor time instead of 5.3 s."""
    try:
        from urllib3 import HttpVersion
    except ImportError:
        return {}
    return {"disabled_svn": {HttpVersion.h2, HttpVersion.h3}}


def _files() -> list[str]:
    """The kubeconfig files that there are, as kubectl looks for them."""
    said = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    return [one for one in said.split(os.pathsep) if one and Path(one).expanduser().exists()]
