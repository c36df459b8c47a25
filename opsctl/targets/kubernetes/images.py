"""Which image a component runs."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.errors import Exit, OpsError
from opsctl.workload import Component


def image(component: Component, images: Mapping[str, str]) -> str:
    """The image the spec maps the component's to, by "name:tag" or by "name", else its own.

    "valkey/valkey:8" is found as "valkey" too. A mapped image without tag and digest takes the
    component's tag.
    """
    wanted = component.software.image
    if not wanted:
        raise OpsError(
            "kubernetes/no-image",
            f"no image is known that runs {component.name}",
            where=f"component {component.name}",
            hint="run this service on hosts",
            exit=Exit.REFUSED,
        )
    name, _, tag = wanted.partition(":")
    mapped = images.get(wanted) or images.get(name) or images.get(name.rpartition("/")[2])
    if mapped is None:
        return wanted
    return mapped if _pinned(mapped) or not tag else f"{mapped}:{tag}"


def _pinned(reference: str) -> bool:
    return "@" in reference or ":" in reference.rpartition("/")[2]
