"""How an apply on a host ended, and the exit code that says it."""

from __future__ import annotations

import pytest

from opsctl.errors import Exit
from opsctl.planning.resource import ResourceId
from opsctl.targets.hosts.applying import outcome

FILE = ResourceId("file", "dc/n1", "/etc/a")


@pytest.mark.parametrize(
    ("code", "changed", "exit"),
    [
        ("hosts/fenced", (), Exit.REFUSED),
        ("hosts/fenced", (FILE,), Exit.PARTLY),
        ("hosts/file-refused", (), Exit.FAILED),
        ("hosts/file-refused", (FILE,), Exit.PARTLY),
    ],
)
def test_who_came_too_late_is_refused_and_what_broke_has_failed(
    code: str, changed: tuple[ResourceId, ...], exit: Exit
) -> None:
    wire = {"code": code, "message": "no", "hint": "", "details": []}
    ended = outcome("dc/n1", {"changed": [one.key for one in changed], "error": wire})
    assert ended.changed == changed
    assert ended.error is not None
    assert (ended.error.code, ended.error.exit) == (code, exit)
