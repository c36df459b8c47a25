"""A drill's record in, its report out, in every form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from showing import Golden

from drill_world import failed, passed
from opsctl.data import folder
from opsctl.drills import forms
from opsctl.drills.page import page
from opsctl.drills.report import Report, to_json

CASES = {"failed": failed, "passed": passed}


@pytest.mark.parametrize("name", CASES)
def test_a_drill_is_told_as_reviewed(name: str, golden: Golden) -> None:
    made: Callable[[], Report] = CASES[name]
    value = made()
    template = (folder("templates") / "drills" / "report.html.j2").read_text()
    golden(
        Path(__file__).parent / "drill-report" / name,
        {
            "report.html": page(value, template),
            "report.json": to_json(value),
            "report.md": forms.markdown(value),
            "report.txt": "\n".join(forms.lines(value)) + "\n",
        },
    )
