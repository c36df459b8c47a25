"""The kinds of things on a host, in the order in which they are made.

A kind is a module with
  observe(host, item) -> Found                what is there, as attributes like the desired ones
  change(host, items) -> None                 make these (all of them differ) as desired
  remove(host, names) -> None                 take these away; they are in the manifest
"""

from __future__ import annotations

from typing import Any

from . import directory, file, filtering, kernel, mask, package, timer, unit

KINDS: dict[str, Any] = {
    "kernel": kernel,
    "mask": mask,
    "package": package,
    "directory": directory,
    "file": file,
    "firewall": filtering,
    "unit": unit,
    "timer": timer,
}
