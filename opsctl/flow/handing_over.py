"""What a Prometheus that others run is given of an environment."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.errors import Exit, OpsError
from opsctl.flow.parts import Parts
from opsctl.flow.survey import described
from opsctl.model import KubernetesTarget
from opsctl.monitoring import watched_on
from opsctl.monitoring.handing_over import handed_over
from opsctl.monitoring.operator import operator_objects
from opsctl.planning.workloads import alone
from opsctl.workload import AddressRef


def for_prometheus(parts: Parts, folder: str) -> Mapping[str, str]:
    """By path below `folder`, the files that it includes, or the objects of the Prometheus Operator
    that say the same; without any secret. Raises OpsError `monitoring/none` where the spec
    has no monitoring."""
    environment, monitoring = parts.environment, parts.environment.monitoring
    if monitoring is None:
        raise OpsError(
            "monitoring/none",
            "the spec has no monitoring, so nothing gives metrics",
            hint="monitoring: {on: TARGET, prometheus: {url: ...}}",
            exit=Exit.INPUT,
        )
    placed, _ = described(parts)
    directory = watched_on(environment, monitoring.on, alone(placed), parts.catalogue)
    interval = monitoring.interval.seconds
    written = environment.targets[monitoring.on]
    if isinstance(written, KubernetesTarget):
        namespace = written.kubernetes.namespace or environment.name
        return operator_objects(directory, namespace, interval)
    seats = {
        member.name: (on, member.seat)
        for on, workload in placed.values()
        for member in workload.members()
    }

    def address(ref: AddressRef) -> str:
        on, seat = seats[ref.member]
        return parts.targets[on].address(seat)

    return handed_over(directory, address, interval, folder)
