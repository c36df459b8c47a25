"""Standard output and error, to which nobody fails to write."""

from __future__ import annotations

import errno
import io
import os
from typing import Any, TextIO

_READER_GONE = (errno.EPIPE, errno.EIO)  # a pipe that was closed, a terminal that hung up


class Lasting:
    """A stream that takes all it is given: what it has no reader or no room for any more goes
    nowhere, from its first failure on. So no work stops half-way for want of a listener."""

    def __init__(self, stream: TextIO | None) -> None:
        """None: the caller has closed it, as `>&-` does."""
        self._stream = stream if stream is not None else io.StringIO()
        self.error: OSError | None = None  # why nothing is written any more

    @property
    def left(self) -> bool:
        """Whether its reader went away: that is no failure, he has seen what he wanted."""
        return self.error is not None and self.error.errno in _READER_GONE

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._end(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._end(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _end(self, error: OSError) -> None:
        """Sends what is still to come, the flush at exit included, nowhere."""
        self.error = error
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):  # not a real file, as in tests
            return
