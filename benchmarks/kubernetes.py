"""500 objects with nothing to do, and their first apply: opsctl's look and apply beside kubectl's.

    python -m benchmarks.kubernetes [--kubeconfig FILE --kubectl PATH] [--objects 500] [--times 5]

Without a kubeconfig a cluster of the lab is made, and removed. Each tool has a namespace of its own
with the same objects; both are measured as whole processes, in turn, on the same API server. Prints
one JSON document: seconds (median and all), and ratios with their targets. `look` alone is what the
process needs beyond starting Python and importing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TARGETS = {"look": 0.3, "first apply": 1.0}
_KEY = b"benchmark" * 4


class _NoSecrets:
    key = _KEY

    def value(self, _: object) -> None:
        return None

    certificate = certified = value


def manifests(namespace: str, count: int) -> list[dict[str, Any]]:
    """Objects as opsctl makes them, of four kinds that start nothing."""
    from opsctl.targets.kubernetes.configmap import INSTALL

    found: list[dict[str, Any]] = []
    for number in range(count // 4):
        labels = {
            "app.kubernetes.io/managed-by": "opsctl",
            "app.kubernetes.io/name": "redis",
            "opsctl.dev/environment": "bench",
            "opsctl.dev/service": "sessions",
            "opsctl.dev/member": f"sessions-{number}",
        }
        chosen = {"matchLabels": {"opsctl.dev/member": f"sessions-{number}"}}
        metadata = {"name": f"sessions-{number}", "namespace": namespace, "labels": labels}
        found += [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
             "data": {"redis.conf": INSTALL, "opsctl.files": f"managed 0640 {number}\n"}},
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata,
             "spec": {"type": "ClusterIP", "clusterIP": "None", "selector": chosen["matchLabels"],
                      "ports": [{"name": "redis", "port": 6379, "targetPort": 6379}]}},
            {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata,
             "spec": {"minAvailable": 1, "selector": chosen}},
            {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata,
             "spec": {"podSelector": chosen, "policyTypes": ["Ingress"],
                      "ingress": [{"ports": [{"port": 6379, "protocol": "TCP"}]}]}},
        ]  # fmt: skip
    return found


def opsctl(verb: str, namespace: str, count: int, kubeconfig: Path | None) -> None:
    """One process of ours: looks, or applies all; prints the seconds of the work alone."""
    from opsctl.model import Kubernetes
    from opsctl.ports import Work
    from opsctl.targets.kubernetes import Access, KubernetesTarget
    from opsctl.targets.kubernetes.resources import resource

    target = KubernetesTarget(
        "k", Kubernetes(namespace=namespace), "bench", _NoSecrets(), Access(kubeconfig=kubeconfig)
    )
    wanted = [resource(target._site, one, "sessions") for one in manifests(namespace, count)]
    _ = target.api.connection.pool
    began = time.perf_counter()
    if verb == "look":
        seen = target.observe(wanted, ())
        assert not seen.unreachable, seen.unreachable
        differing = [
            one.id for one in wanted if seen.actual[one.id].attributes != dict(one.desired)
        ]
        assert not differing, differing[:3]
    else:
        fence = target.acquire("benchmark", 60)
        work = [Work(f"k/{namespace}", write=tuple(wanted), step="all")]
        (outcome,) = target.apply(work, fence, lambda _: None).values()
        assert outcome.error is None, outcome.error
        target.release(fence)
    print(time.perf_counter() - began)


def measured(argv: Sequence[str], *, ok: Sequence[int] = (0,)) -> tuple[float, str]:
    """Seconds that a process took, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)
    took = time.perf_counter() - began
    if done.returncode not in ok:
        raise SystemExit(f"{argv[0]}: {done.stderr[-2000:]}")
    return took, done.stdout


def compare(given: argparse.Namespace) -> dict[str, Any]:
    """All rounds, the two tools in turn."""
    times: dict[str, list[float]] = {}
    config = ["--kubeconfig", str(given.kubeconfig)] if given.kubeconfig else []
    kubectl = [str(given.kubectl), *config]
    mine = [sys.executable, "-m", "benchmarks.kubernetes", *config, "--objects", str(given.objects)]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.times):
            stamp = f"{int(time.time())}-{number}"
            ours, theirs = f"bench-o-{stamp}", f"bench-k-{stamp}"
            file = Path(folder) / "all.json"
            items = manifests(theirs, given.objects)
            file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
            for namespace in (ours, theirs):
                measured([*kubectl, "create", "namespace", namespace])
            apply = ["apply", "--server-side", "-f", str(file)]
            diff = ["diff", "--server-side", "-f", str(file)]
            _note(times, "kubectl apply", measured([*kubectl, *apply])[0])
            whole, alone = measured([*mine, "--do", "apply", "--namespace", ours])
            _note(times, "opsctl apply", whole)
            _note(times, "opsctl apply, alone", float(alone))
            _note(times, "kubectl diff", measured([*kubectl, *diff])[0])
            _note(times, "kubectl diff, 8 at once",
                  measured([*kubectl, *diff, "--concurrency=8"])[0])  # fmt: skip
            whole, alone = measured([*mine, "--do", "look", "--namespace", ours])
            _note(times, "opsctl look", whole)
            _note(times, "opsctl look, alone", float(alone))
            for namespace in (ours, theirs):
                measured([*kubectl, "delete", "namespace", namespace, "--wait=false"])
    middle = {name: statistics.median(several) for name, several in times.items()}
    return {
        "objects": given.objects,
        "median": {name: round(value, 3) for name, value in middle.items()},
        "all": {name: [round(value, 3) for value in several] for name, several in times.items()},
        "ratio": {
            "look": round(middle["opsctl look, alone"] / middle["kubectl diff"], 3),
            "look, whole process": round(middle["opsctl look"] / middle["kubectl diff"], 3),
            "first apply": round(middle["opsctl apply, alone"] / middle["kubectl apply"], 3),
            "first apply, whole process": round(
                middle["opsctl apply"] / middle["kubectl apply"], 3
            ),
        },
        "target": TARGETS,
    }


def in_lab(given: argparse.Namespace) -> None:
    """Compares in a cluster made for it."""
    from opsctl.lab.kubernetes import program, up

    def say(words: str) -> None:
        print(words, file=sys.stderr)

    cluster = up("k8s-bench", progress=say)
    try:
        given.kubeconfig, given.kubectl = cluster.kubeconfig, program("kubectl", say)
        print(json.dumps(compare(given), indent=1))
    finally:
        cluster.down()


def _note(times: dict[str, list[float]], name: str, seconds: float) -> None:
    times.setdefault(name, []).append(seconds)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--kubectl", type=Path, default=Path("kubectl"))
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--do", choices=("look", "apply"))
    parser.add_argument("--namespace", default="")
    given = parser.parse_args()
    if given.do:
        opsctl(given.do, given.namespace, given.objects, given.kubeconfig)
    elif given.kubeconfig:
        print(json.dumps(compare(given), indent=1))
    else:
        in_lab(given)


if __name__ == "__main__":
    main()
