"""What a server says on the wire, as its client shows it. Pure.

The client starts more slowly than a server answers, so where a target can speak to the port itself
a question is put without it, line by line as the client would be given them.
"""

from __future__ import annotations

from collections.abc import Iterator

# What makes a server hang up once it has answered. Sentinel has no QUIT; whatever it thinks of the
# caller, it hangs up after a line that is none.
_FAREWELLS = {"redis": "QUIT", "sentinel": '"'}
_LAST = ("OK", "ERR Protocol error: unbalanced quotes in request\n")
_END = b"\r\n"
_TEXT, _LIST, _ERROR = b"$*-"


def farewell(component: str) -> str:
    return _FAREWELLS[component]


def shown(said: str) -> str:
    """All replies, each with a newline, less the one to the farewell and one that is cut short."""
    found = list(_replies(said.encode(errors="surrogateescape")))
    if found and found[-1] in _LAST:
        found.pop()
    return "".join(f"{reply}\n" for reply in found)


def _replies(said: bytes) -> Iterator[str]:
    """Each whole reply. The parts of a list are lines of it, however deep they lie."""
    at, parts, missing = 0, [], 1
    while (end := said.find(_END, at)) >= 0:
        kind, line, at = said[at], said[at + 1 : end], end + len(_END)
        length = _number(line) if kind in (_TEXT, _LIST) else 0
        missing -= 1
        if kind == _LIST and length > 0:
            missing += length
            continue
        if kind == _TEXT and length > 0:
            line, at = said[at : at + length], at + length + len(_END)
        elif kind in (_TEXT, _LIST):
            line, at = b"", at + (len(_END) if kind == _TEXT and length == 0 else 0)
        elif kind == _ERROR:
            line += b"\n"  # the client adds a newline of its own
        if at > len(said):
            return
        parts.append(line)
        if not missing:
            yield b"\n".join(parts).decode(errors="replace")
            parts, missing = [], 1


def _number(line: bytes) -> int:
    """-1 stands for nothing; so does what is no number."""
    try:
        return int(line)
    except ValueError:
        return -1
