"""The report as one HTML page that needs nothing else: no script, no font, no address."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from opsctl.drills import picture as geometry
from opsctl.drills import telling
from opsctl.drills.report import Report
from opsctl.errors import OpsError

if TYPE_CHECKING:
    from jinja2 import Template


def page(report: Report, template: str) -> str:
    """`template` is the text of templates/drills/report.html.j2. All values are escaped."""
    from jinja2 import TemplateError

    values = {
        "report": report,
        "headline": telling.headline(report),
        "more": telling.more(report),
        "about": telling.about(report),
        "when": telling.day(report.wall + (report.strike or 0.0)),
        "facts": tuple(telling.facts(report)),
        "stages": tuple(telling.stage_rows(report)),
        "events": tuple(telling.event_rows(report)),
        "phases": tuple(event.phase for event in report.events),
        "latency": tuple(telling.latency_rows(report)),
        "kept": telling.kept_word,
        "picture": geometry.picture(report),
        "g": geometry,
    }
    try:
        return _template(template).render(values)
    except TemplateError as error:
        place = "templates/drills/report.html.j2"
        raise OpsError("template/failed", error.message or str(error), where=place) from error


@cache
def _template(source: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    return Environment(
        undefined=StrictUndefined,
        autoescape=True,  # log lines and names come from elsewhere
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    ).from_string(source)
