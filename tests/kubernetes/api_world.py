"""An environment on the bare API server, put together as `opsctl` does it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from api_server import ApiServer
from fake_controllers import controllers

from opsctl import wiring
from opsctl.flow.looking import make_plan
from opsctl.flow.parts import Parts
from opsctl.flow.survey import Survey
from opsctl.planning.desired import Scope
from opsctl.planning.plan import Plan
from opsctl.ports import Certified, Event, Fence, Outcome, Work
from opsctl.targets.kubernetes import Access, KubernetesTarget
from opsctl.targets.kubernetes.api import Api
from opsctl.workload import CertRef, SecretRef

SPEC = """\
opsctl: 1
name: shop
targets:
  k: {{kubernetes: {{namespace: {namespace}, images: {{redis: "registry.example/redis:8"}}}}}}
services:
  sessions: {{engine: redis, on: k, replicas: {replicas}, memory: {memory}}}
"""


@dataclass(frozen=True)
class Known:
    """Secrets as the backend gives them."""

    key: bytes | None = b"k" * 32
    generations: Mapping[str, int] = field(default_factory=dict)

    def value(self, ref: SecretRef) -> str | None:
        return f"{ref.name}-{ref.form}-{self.generations.get(ref.name, 1)}"

    def certificate(self, ref: CertRef) -> str | None:
        return f"{ref.what} of {ref.name} for {', '.join(map(str, ref.names))}\n"

    def certified(self, pem: str) -> Certified | None:
        return None


@dataclass
class World:
    """One environment in one namespace, seen by one user."""

    server: ApiServer
    namespace: str
    folder: Path
    replicas: int = 1
    memory: str = "64MiB"
    user: str = "admin"
    force: bool = False
    pods: float = 20.0
    secrets: Known = field(default_factory=Known)

    @property
    def target(self) -> KubernetesTarget:
        target = self.parts.targets["k"]
        assert isinstance(target, KubernetesTarget)
        return target

    @property
    def api(self) -> Api:
        """With the rights of who may do everything."""
        return replace(self, user="admin").target.api

    @property
    def parts(self) -> Parts:
        file = self.folder / "opsctl.yaml"
        file.write_text(
            SPEC.format(namespace=self.namespace, replicas=self.replicas, memory=self.memory)
        )
        made = wiring.parts([file])
        options = made.environment.targets["k"].kubernetes  # type: ignore[union-attr]
        access = Access(
            kubeconfig=self.server.kubeconfig_of(self.user),
            environment_id=made.environment.id,
            force_conflicts=self.force,
            pods=self.pods,
        )
        target = KubernetesTarget("k", options, "shop", self.secrets, access)
        own = {"targets": {"k": target}, "secrets": self.secrets}
        return replace(
            made,
            with_document=lambda document: replace(made.with_document(document), **own),
            **own,
        )

    def plan(self, scope: Scope | None = None) -> tuple[Plan, Survey]:
        return make_plan(self.parts, scope or Scope())

    def controllers(self) -> AbstractContextManager[None]:
        return controllers(self.api)

    def apply(self, scope: Scope | None = None) -> Outcome:
        """Does all that the plan's steps ask of the target, in their order, without their gates:
        there is no server that could answer."""
        plan, seen = self.plan(scope)
        resources = {one.id: one for one in seen.desired.resources}
        changes = list(plan.changes)
        work = Work(
            f"k/{self.namespace}",
            write=tuple(resources[c.id] for c in changes if c.id in resources),
            remove=tuple(c.id for c in changes if c.verb == "remove"),
            step="all",
        )
        return self.do(work)

    def do(self, *work: Work, events: list[Event] | None = None) -> Outcome:
        target = self.target
        fence: Fence = target.acquire("test", 60)
        with self.controllers():
            try:
                heard = events if events is not None else []
                return target.apply(work, fence, heard.append)[f"k/{self.namespace}"]
            finally:
                target.release(fence)

    def path(self, kind: str, name: str = "") -> str:
        from opsctl.targets.kubernetes.kinds import KINDS

        return KINDS[kind].path(self.namespace, name)
