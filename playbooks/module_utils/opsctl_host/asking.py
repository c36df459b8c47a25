"""Questions and calls beside members, in order per member, members side by side.

A question is a program; or it is put to a port, without one; or its program's answer is known as
long as what it depends on stays the same.
"""

from __future__ import annotations

import os
from typing import Any

from . import dialling, fingerprint, jsontext, places
from .shell import RefusedError, Result, run

Part = Any  # a string, or {"file": path}: that file's content less its last newline


def answers(asked: list[dict[str, Any]], reading: bool = False) -> list[list[Any]]:
    """[exit, stdout, stderr] for each of `asked`, in their order. `reading`: none of them acts.

    Each has member, unit, argv, stdin (parts) and timeout (seconds); some have port (what stdin is
    sent to instead), or steady: what is sent to which port to see whether the answer that is kept
    here still holds, and the files that it depends on.
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

    first, *others = lines.values() or ([],)
    if others:
        import threading  # only here: most hosts have one member

        threads = [threading.Thread(target=work, args=(indexes,)) for indexes in others]
        for thread in threads:
            thread.start()
    work(first)
    if others:
        for thread in threads:
            thread.join()
    return given


def answer_of(one: dict[str, Any]) -> Result:
    try:
        stdin = _text(one["stdin"])
        if "port" in one:
            return dialling.said(one["port"], stdin, float(one["timeout"]))
        return _steady(one, stdin) if "steady" in one else _run(one, stdin)
    except OSError as error:
        return Result(-1, "", f"{error.filename}: {error.strerror}")


def _run(one: dict[str, Any], stdin: str) -> Result:
    return run(one["argv"], stdin, float(one["timeout"]), user_of(one["unit"]))


def _steady(one: dict[str, Any], stdin: str) -> Result:
    """What the program said the last time, if it would say the same now. A look writes only where
    a change has made the folder."""
    before = _state(one, stdin) if _is_ours(places.below(places.AGENT)) else ""
    if not before:
        return _run(one, stdin)
    name = fingerprint.digest(repr([one["member"], one["unit"], one["argv"]]).encode()).hex()[:24]
    path = places.below(f"{places.AGENT}/answer-{name}")
    kept = _kept(path)
    if kept.get("state") == before:
        return Result(0, kept["out"], "")
    answer = _run(one, stdin)
    # The server may have changed while the program asked it.
    if answer.exit == 0 and _state(one, stdin) == before:
        places.write_json(path, {"state": before, "out": answer.out})
    return answer


def _is_ours(folder: str) -> bool:
    """Whether it is there, and the caller's alone."""
    try:
        found = os.stat(folder)
    except OSError:
        return False
    return found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _kept(path: str) -> dict[str, Any]:
    try:
        return places.read_json(path) or {}
    except RefusedError:  # it is damaged, and made again
        return {}


def _state(one: dict[str, Any], stdin: str) -> str:
    """What stands for all that the answer depends on; "" when the server does not say."""
    steady = one["steady"]
    said = dialling.said(steady["port"], _text(steady["stdin"]), float(one["timeout"]))
    if said.exit:
        return ""
    files = [fingerprint.digest(_content(path)).hex() for path in steady["files"]]
    whole = jsontext.written([one["argv"], stdin, said.out, files])
    return fingerprint.digest(whole.encode()).hex()


def _content(path: str) -> bytes:
    try:
        with open(places.below(path), "rb") as file:
            return b"there " + file.read()
    except FileNotFoundError:
        return b""


def user_of(unit: str) -> str:
    """The account that a unit of ours runs as; "" when there is no such unit."""
    try:
        with open(places.below(f"/etc/systemd/system/{unit}"), encoding="utf-8") as file:
            for line in file:
                name, _, value = line.rstrip("\n").partition("=")
                if name == "User" and value and not any(map(str.isspace, value)):
                    return value
    except OSError:
        pass
    return ""


def _text(parts: list[Part]) -> str:
    return "".join(map(_part, parts))


def _part(part: Part) -> str:
    if isinstance(part, str):
        return part
    with open(places.below(part["file"]), encoding="utf-8") as file:
        return file.read().removesuffix("\n")
