"""Programs run beside members: questions and calls, in order per member, members side by side."""

from __future__ import annotations

import re
import threading
from typing import Any

from . import places
from .shell import Result, run

Part = Any  # a string, or {"file": path}: that file's content less its last newline


def answers(asked: list[dict[str, Any]], reading: bool = False) -> list[list[Any]]:
    """[exit, stdout, stderr] for each of `asked`, in their order. `reading`: none of them acts.

    Each has member, unit, argv, stdin (parts) and timeout (seconds).
    """
    given: list[list[Any]] = [[] for _ in asked]
    lines: dict[str, list[int]] = {}
    for index, one in enumerate(asked):
        lines.setdefault(one["member"], []).append(index)

    def work(indexes: list[int]) -> None:
        known: dict[str, Result] = {}  # the same question of several askers is put once
        for index in indexes:
            question = repr(sorted(asked[index].items()))
            answer = known.get(question) if reading else None
            if answer is None:
                answer = known[question] = answer_of(asked[index])
            given[index] = [answer.exit, answer.out, answer.err]

    threads = [threading.Thread(target=work, args=(indexes,)) for indexes in lines.values()]
    for thread in threads[1:]:
        thread.start()
    if lines:
        work(next(iter(lines.values())))
    for thread in threads[1:]:
        thread.join()
    return given


def answer_of(one: dict[str, Any]) -> Result:
    try:
        stdin = "".join(map(_text, one["stdin"]))
    except OSError as error:
        return Result(-1, "", f"{error.filename}: {error.strerror}")
    return run(one["argv"], stdin, float(one["timeout"]), user_of(one["unit"]))


def user_of(unit: str) -> str:
    """The account that a unit of ours runs as; "" when there is no such unit."""
    try:
        with open(places.below(f"/etc/systemd/system/{unit}"), encoding="utf-8") as file:
            match = re.search(r"^User=(\S+)$", file.read(), re.MULTILINE)
    except OSError:
        return ""
    return match[1] if match else ""


def _text(part: Part) -> str:
    if isinstance(part, str):
        return part
    with open(places.below(part["file"]), encoding="utf-8") as file:
        return file.read().removesuffix("\n")
