"""The doors to a cluster, still shut: this version builds manifests and runs services on hosts."""

from __future__ import annotations

from typing import NoReturn

from opsctl.errors import Exit, OpsError


class ShutDoors:
    """Every door of a target that would reach the cluster refuses."""

    name: str

    def _shut(self, *_: object, **__: object) -> NoReturn:
        raise OpsError(
            "kubernetes/not-built-yet",
            "this version plans and runs services on hosts only",
            where=f"target {self.name}",
            hint="`opsctl render kubernetes DIR` writes the manifests, for kubectl apply -k DIR",
            exit=Exit.REFUSED,
        )

    observe = apply = ask = tunnel = logs = _shut
    on_nodes = cut_power = beside = clocks = _shut
    maintain = maintenance = acquire = renew = release = break_lock = _shut
    record = history = document = _shut
