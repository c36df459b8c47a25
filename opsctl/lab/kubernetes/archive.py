"""Container images without a container engine: docker-format tars for `ctr images import`."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Layer:
    """An uncompressed tar and the digest that names it."""

    file: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its names, its layers from the lowest up, what it starts."""

    tags: tuple[str, ...]
    layers: tuple[Layer, ...]
    entrypoint: tuple[str, ...] = ()


def layer(file: Path) -> Layer:
    """The tar `file` as a layer."""
    with file.open("rb") as content:
        return Layer(file, hashlib.file_digest(content, "sha256").hexdigest())


def program_layer(program: Path, at: str, out: Path) -> Layer:
    """A layer that holds one program at the path `at`."""
    with tarfile.open(out, "w") as tar:
        info = tarfile.TarInfo(at.lstrip("/"))
        info.mode, info.size = 0o755, program.stat().st_size
        with program.open("rb") as content:
            tar.addfile(info, content)
    return layer(out)


def config(image: Image) -> bytes:
    """The image's configuration, from which its identity follows."""
    said = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Env": [f"PATH={PATH}"], "Entrypoint": list(image.entrypoint) or None},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{one.digest}" for one in image.layers]},
        "history": [{"created_by": "opsctl lab"} for _ in image.layers],
    }
    return json.dumps(said, sort_keys=True).encode()


def write(images: Sequence[Image], out: Path) -> None:
    """One archive with all the images; a layer that several have is in it once."""
    draft = out.with_name(f"{out.name}.new")
    with tarfile.open(draft, "w") as tar:
        for one in {each.digest: each for image in images for each in image.layers}.values():
            tar.add(one.file, f"{one.digest}.tar")
        listed = []
        for image in images:
            content = config(image)
            name = f"{hashlib.sha256(content).hexdigest()}.json"
            _add(tar, name, content)
            layers = [f"{one.digest}.tar" for one in image.layers]
            listed.append({"Config": name, "RepoTags": list(image.tags), "Layers": layers})
        _add(tar, "manifest.json", json.dumps(listed).encode())
    draft.replace(out)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
