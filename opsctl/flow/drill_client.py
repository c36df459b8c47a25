"""A drill's client as its conductor sees it: served, told that the fault is over, ended."""

from __future__ import annotations

import time

from opsctl.drills.document import Document, read_document, read_ready
from opsctl.errors import OpsError
from opsctl.ports.process import Running
from opsctl.running.context import Stop

PATIENCE = 30.0  # seconds until it must have been served steadily
SETTLED = 5.0  # seconds of service on end after which a cut-off is over
QUIET = 6.0  # seconds that it goes on at least: time for a fault to be felt
AFTERWARDS = 60.0  # seconds after the fault until the service must serve again
_CLOSING = 60.0  # seconds for what was due, reading everything back and removing it
_LOOK = 0.5  # seconds of silence after which a wish to stop is looked for


class DrillClient:
    """One run of the client. Its methods raise when it broke off, or when a stop was asked."""

    def __init__(self, running: Running, stop: Stop) -> None:
        self._running, self._stop = running, stop
        self._last = ""  # its record, which may come before it is asked for

    def await_ready(self) -> None:
        """Raises drills/not-ready when it was not served: nothing may be broken then."""
        line = self._line(PATIENCE + 10.0)
        if line is None:
            raise OpsError("drills/not-ready", f"the client said nothing for {PATIENCE + 10:g} s")
        read_ready(line)

    def go_on(self, seconds: float) -> None:
        """It writes for so long."""
        self._last = self._last or self._line(seconds) or ""

    def document(self) -> Document:
        """Its record, once it has been served again: the fault is over."""
        self._running.tell("over\n")
        record = self._last or self._line(AFTERWARDS)
        if record is None:  # it is not served: that is a result, too
            self._running.tell("end\n")
            record = self._line(_CLOSING)
        if record is None:
            raise OpsError("drills/no-document", "the client has not ended when told to")
        return read_document(record)

    def _line(self, seconds: float) -> str | None:
        """The next line; None when none came in time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            line = self._running.line(min(_LOOK, left))
            if line == "":
                said = tuple(self._running.complaint.splitlines())
                raise OpsError("drills/no-document", "the client broke off", details=said)
            if line is not None:
                return line
            self._stop.check()
        return None


def settings(outage: float) -> dict[str, object]:
    """What every client is told; `outage` is how long a fault may last in all (seconds)."""
    return {
        "held": True,
        "patience": PATIENCE,
        "duration": outage + AFTERWARDS,
        "at_least": QUIET,
        "settle": SETTLED,
    }
