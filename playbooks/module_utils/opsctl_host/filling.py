"""Secrets into a batch that was rendered without them (`opsctl render ansible`)."""

from __future__ import annotations

from typing import Any

from .shell import RefusedError


def filled(batch: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The batch with each content's parts joined; {"secret": id} stands for a value.

    `values` has "key" (hexadecimal, what fingerprints are made with) and "secrets" by id. Raises
    secrets/unknown for a value that is not there.
    """
    secrets = values.get("secrets", {})
    for item in batch["write"]:
        parts = item["spec"].get("content")
        if isinstance(parts, list):
            names = [part["secret"] for part in parts if not isinstance(part, str)]
            item["spec"]["content"] = "".join(_text(part, secrets) for part in parts)
            item["spec"]["hidden"] = {name: secrets[name] for name in names}
    batch["key"] = values.get("key", batch["key"])
    return batch


def _text(part: Any, secrets: dict[str, str]) -> str:
    if isinstance(part, str):
        return part
    name = part["secret"]
    if name not in secrets:
        message = f"the secret {name} is not in opsctl_values.secrets"
        raise RefusedError("secrets/unknown", message, "see the project's README.md")
    return secrets[name]
