"""Where everything goes: the result to standard output, all else to standard error."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TextIO, cast

from rich.console import Console, Group
from rich.text import Text

from opsctl.cli.views.errors import error_lines, errors_data, warning_lines
from opsctl.cli.views.lines import WARN, line
from opsctl.cli.views.streams import Lasting
from opsctl.cli.views.view import View
from opsctl.errors import OpsError

Format = Literal["human", "json", "yaml", "markdown"]


class Screen:
    """Prints for people or for programs.

    With `json` standard error holds one JSON object a line: messages, events, and the errors.
    A reader that goes away is no reason to stop work half-way, nor is a full disk behind standard
    error: printing there just ends.
    """

    def __init__(self, output: Format = "human", *, color: bool = True) -> None:
        self.output = output
        self._color = color
        self._lock = threading.RLock()  # a signal may say something in the midst of a line
        self._out = Lasting(sys.stdout)
        self.err = self._console(Lasting(sys.stderr))

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to be asked."""
        both = (sys.stdin, sys.stderr)  # None: closed by the caller
        return self.output == "human" and all(one is not None and one.isatty() for one in both)

    @property
    def lively(self) -> bool:
        """Whether progress may move on the terminal."""
        return self.output != "json" and self.err.is_terminal and not self.err.is_dumb_terminal

    def result(self, view: View) -> None:
        """The result, in the form that was asked for. Raises cli/unwritten."""
        if self.output == "human":
            # All of it is made before any of it is printed: half a result is none.
            self._lines(self._console(self._out), list(view.lines()))
            self._written()
        elif self.output == "markdown":
            self.text(view.markdown())
        else:
            self.text(_dump(view.data(), self.output))

    def text(self, text: str) -> None:
        """A result that is a text already: a schema, a picture, a file. Raises cli/unwritten."""
        self._out.write(text if text.endswith("\n") else text + "\n")
        self._out.flush()
        self._written()

    @contextmanager
    def watching(self) -> Iterator[Callable[[View], None]]:
        """Gives what shows a result again and again: in one place of a terminal, else as blocks
        with an empty line between. What was shown last stays. Showing raises BrokenPipeError
        when nobody looks any more."""
        console = self._console(self._out)
        if self.output != "human" or not console.is_terminal or console.is_dumb_terminal:
            yield self._block
            return
        from rich.live import Live

        with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
            yield lambda view: live.update(_whole(view), refresh=True)

    def _block(self, view: View) -> None:
        self.result(view)
        if self.output == "human":
            self.text("")
        if self._out.left:
            raise BrokenPipeError

    def show(self, view: View) -> None:
        """Something to read before an answer, or beside the result."""
        if self.output != "json":
            self._lines(self.err, view.lines())

    def say(self, words: str) -> None:
        """A message."""
        if self.output == "json":
            self.object({"message": words})
        else:
            self._lines(self.err, [line(words)])

    def warn(self, words: str) -> None:
        """A message that should not be missed."""
        if self.output == "json":
            self.object({"warning": words})
        else:
            self._lines(self.err, [line(("warning: ", f"bold {WARN}"), words)])

    def error(self, error: OpsError) -> None:
        """What went wrong, with the next step."""
        if self.output == "json":
            self.object(errors_data(error))
        else:
            self._lines(self.err, error_lines(error))

    def advice(self, finding: OpsError) -> None:
        """A warning in the look of an error."""
        if self.output == "json":
            self.object({"warning": errors_data(finding)["errors"][0]})
        else:
            self._lines(self.err, warning_lines(finding))

    def ask(self, question: str) -> bool:
        """Whether the person types exactly "yes"."""
        self.err.print(Text(f"{question} Type yes to go on: ", "bold"), end="")
        self.err.file.flush()
        try:
            return sys.stdin.readline().strip() == "yes"
        except OSError:  # the terminal has closed
            return False

    def object(self, data: dict[str, Any]) -> None:
        """One line of JSON on standard error."""
        with self._lock:
            self.err.file.write(json.dumps(data, ensure_ascii=False) + "\n")
            self.err.file.flush()

    def _lines(self, console: Console, lines: Iterable[Text]) -> None:
        with self._lock:
            for text in lines:
                console.print(text, soft_wrap=True)
            console.file.flush()

    def _written(self) -> None:
        """Raises cli/unwritten when the result is not there; a reader who left did not want it."""
        if self._out.error is not None and not self._out.left:
            raise OpsError(
                "cli/unwritten",
                f"the result could not be written: {self._out.error.strerror}",
                where="standard output",
            )

    def _console(self, stream: Lasting) -> Console:
        return Console(
            file=cast("TextIO", stream),
            no_color=True if not self._color else None,
            color_system="auto" if self._color else None,
            highlight=False,
            markup=False,
            emoji=False,
        )


def _whole(view: View) -> Group:
    """All lines as one thing to show; a line that is too long is cut, not folded."""
    lines = list(view.lines())
    for text in lines:
        text.no_wrap, text.overflow = True, "ellipsis"
    return Group(*lines)


def _dump(data: object, output: Format) -> str:
    if output == "json":
        return json.dumps(data, indent=2, ensure_ascii=False)
    return to_yaml(data)


def to_yaml(data: object) -> str:
    """Plain data as YAML, keys in their order."""
    from io import StringIO

    from ruamel.yaml import YAML

    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.allow_unicode = True
    writer.width = 10_000
    stream = StringIO()
    writer.dump(json.loads(json.dumps(data)), stream)
    return stream.getvalue().removesuffix("...\n")
