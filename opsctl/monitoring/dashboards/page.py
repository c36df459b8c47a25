"""One page with everything in it: data, style and the library that draws. It asks no network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from opsctl.monitoring.dashboards.drawing import Window


@dataclass(frozen=True, slots=True)
class Assets:
    """What the page is drawn with; `license` is the library's, which must go with it."""

    library: str
    library_style: str
    license: str
    script: str
    style: str


def page(
    environment: str,
    dashboards: Sequence[Mapping[str, object]],
    changes: Sequence[tuple[float, str]],
    window: Window,
    assets: Assets,
) -> str:
    """The HTML. `changes`: what opsctl did, and when (seconds since the epoch)."""
    data = {
        "dashboards": list(dashboards),
        "changes": [{"at": at, "text": words} for at, words in changes],
    }
    # "</script>" in a label's value must not end the element that it stands in.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    until = datetime.fromtimestamp(window.end, UTC).strftime("%Y-%m-%d %H:%M UTC")
    minutes = round((window.end - window.start) / 60)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(environment)}: dashboards</title>
<style>{assets.library_style}
{assets.style}</style>
</head>
<body>
<header>
<h1>{escape(environment)}</h1>
<select aria-label="Dashboard"></select>
<span class="when">{minutes} min until {until}, made by opsctl</span>
<button type="button" title="Dark or light">◐</button>
</header>
<main><noscript>This page draws with JavaScript.</noscript></main>
<script type="application/json" id="data">{text}</script>
<script>/*
{assets.license.replace("*/", "* /")}*/
{assets.library}</script>
<script>
{assets.script}</script>
</body>
</html>
"""
