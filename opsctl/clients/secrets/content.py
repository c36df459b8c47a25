"""What stands inside the encrypted file: one `"name": "value"` per line, which is YAML.

What opsctl wrote is read without a YAML library (importing one takes as long as opening the vault);
what a person made of it with `ansible-vault edit` is read as YAML.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from opsctl.clients.quoting import quoted
from opsctl.errors import Exit, OpsError


def write(values: Mapping[str, str]) -> bytes:
    """The content, sorted by name. Raises UnicodeEncodeError when a value is no text."""
    lines = [f"{quoted(name)}: {quoted(values[name])}\n" for name in sorted(values)]
    return ("# Opened by `ansible-vault edit` too.\n" + "".join(lines)).encode()


def read(content: bytes, where: str) -> dict[str, str]:
    """Names to values. Raises OpsError secrets/bad-content; it shows none of the content."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = None
    if text is None:  # raised here and below with no exception beneath, as that holds the content
        raise _bad(where, "the file's content is not UTF-8")
    values = _read_lines(text)
    return values if values is not None else _read_yaml(text, where)


def _read_lines(text: str) -> dict[str, str] | None:
    """The values when every line is as `write` makes it, else None."""
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    try:
        pairs = json.loads("{" + ",".join(lines) + "}", object_pairs_hook=list)
    except ValueError:
        return None
    values = dict(pairs)
    same = len(values) == len(pairs) and all(isinstance(value, str) for value in values.values())
    return values if same else None


def _read_yaml(text: str, where: str) -> dict[str, str]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    line, document = None, None
    try:
        document = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
    except (YAMLError, ValueError):
        line = 0
    if line is not None:
        raise _bad(where, "the file's content is not YAML" + (f" (line {line})" if line else ""))
    if not isinstance(document, dict | None):
        raise _bad(where, "the file's content is not a map of names to values")
    values = document or {}
    for number, (name, value) in enumerate(values.items(), 1):
        if not isinstance(name, str) or not isinstance(value, str):
            shown = f'of "{name}"' if isinstance(name, str) else f"number {number}"
            raise _bad(where, f"the value {shown} is not a text: put it in quotes")
    return values


def _bad(where: str, message: str) -> OpsError:
    return OpsError(
        "secrets/bad-content", message, where=where,
        hint='`ansible-vault edit` it: one `name: "value"` per line', exit=Exit.INPUT,
    )  # fmt: skip
