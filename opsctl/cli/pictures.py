"""A topology as text, Mermaid or SVG. Pure functions from values to text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from opsctl.cli.topology import Box, Place, Topology, Way

_WIDTH, _HEIGHT, _GAP, _TOP = 200, 46, 14, 34  # pixels: a member's box, and what is around it
_COLOURS = {"primary": "#1a7f37", "replica": "#0969da", "arbiter": "#6e7781"}
_TROUBLE = "#cf222e"


def tree(drawn: Topology) -> str:
    """A tree of zones, hosts and members, without zones where nobody knows any; then the routes."""
    hosts = {zone: _hosts(places) for zone, places in drawn.zones.items()}
    if set(hosts) <= {""}:
        branches = _hosts(drawn.zones.get("", ()))
    else:
        branches = [
            (f"zone {zone or '(unknown)'}", list(_branches(below))) for zone, below in hosts.items()
        ]
    ways = [(f"{_through(way)} → {_names(way.to)}", ()) for way in drawn.ways]
    if ways:
        branches.append(("routes", list(_branches(ways))))
    return "\n".join([drawn.environment, *_branches(branches)])


def _through(way: Way) -> str:
    return f"{way.name}  {', '.join(way.doors)} → {_names(way.through)}"


def _names(members: Sequence[str]) -> str:
    return ", ".join(members) or "nobody"


def _hosts(places: Sequence[Place]) -> list[tuple[str, Sequence[str]]]:
    return [
        (place.name, list(_branches([(box.member + _said(box), []) for box in place.boxes])))
        for place in places
    ]


def _branches(items: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """Each item with what hangs below it."""
    for number, (title, below) in enumerate(items):
        last = number == len(items) - 1
        yield f"{'└─' if last else '├─'} {title}"
        yield from (f"{'   ' if last else '│  '}{text}" for text in below)


def _said(box: Box) -> str:
    words = [box.engine, box.role, "" if box.ready or not box.role else "not ready"]
    follows = f" → {box.following}" if box.following else ""
    return f"  ({', '.join(dict.fromkeys(filter(None, words)))}){follows}"


def mermaid(drawn: Topology) -> str:
    """A flowchart; hosts are boxes around their members, arrows lead from replica to primary, thick
    ones are the clients'."""
    lines = ["flowchart TB"]
    for number, (zone, places) in enumerate(drawn.zones.items()):
        lines.append(f'  subgraph zone{number}["{_quoted(zone or "no zone")}"]')
        for at, place in enumerate(places):
            lines.append(f'    subgraph place{number}_{at}["{_quoted(place.name)}"]')
            lines += [f'      {_id(box.member)}["{_label(box)}"]' for box in place.boxes]
            lines.append("    end")
        lines.append("  end")
    lines += [f"  {_id(start)} --> {_id(end)}" for start, end in drawn.arrows]
    if drawn.ways:
        lines.append('  clients(["clients"])')
    for way in drawn.ways:
        label = _quoted(f"{way.name} {', '.join(way.doors)}")
        lines += [f'  clients == "{label}" ==> {_id(one)}' for one in way.through]
    lines += [f"  {_id(start)} ==> {_id(end)}" for start, end in drawn.hops]
    lines.append("  classDef primary stroke:#1a7f37,stroke-width:3px")
    lines.append(f"  classDef trouble stroke:{_TROUBLE},stroke-dasharray:4")
    for place in drawn.places:
        for box in place.boxes:
            if box.role and not box.ready:
                lines.append(f"  class {_id(box.member)} trouble")
            elif box.role == "primary":
                lines.append(f"  class {_id(box.member)} primary")
    return "\n".join(lines)


def _id(member: str) -> str:
    return "m_" + member.replace("-", "_").replace(".", "_")


def _label(box: Box) -> str:
    return _quoted(box.member) + f"<br/>{_quoted(box.role or box.engine)}"


def _quoted(text: str) -> str:
    return escape(text, quote=True)


def svg(drawn: Topology) -> str:
    """One column for every host, zones around them, members as boxes; routes on the left."""
    spots: dict[str, tuple[int, int]] = {}
    body: list[str] = []
    left = _GAP
    tallest = max((len(place.boxes) for place in drawn.places), default=0)
    tallest = max(tallest, len(drawn.ways))
    bottom = 2 * _TOP + tallest * (_HEIGHT + _GAP) + _GAP
    if drawn.ways:
        width = _WIDTH + 2 * _GAP
        body.append(_frame(left, _GAP, width, bottom, "clients", "#f6f8fa"))
        for at, way in enumerate(drawn.ways):
            spots[f"route {way.name}"] = (left + _GAP, _GAP + 2 * _TOP + at * (_HEIGHT + _GAP))
            body.append(_door(way, *spots[f"route {way.name}"]))
        left += width + 3 * _GAP
    for zone, places in drawn.zones.items():
        width = len(places) * (_WIDTH + 3 * _GAP) + _GAP
        body.append(_frame(left, _GAP, width, bottom, f"zone {zone}" if zone else "", "#f6f8fa"))
        for number, place in enumerate(places):
            x = left + _GAP + number * (_WIDTH + 3 * _GAP)
            body.append(
                _frame(x, _GAP + _TOP, _WIDTH + 2 * _GAP, bottom - _TOP - _GAP, place.name, "#fff")
            )
            for at, box in enumerate(place.boxes):
                spots[box.member] = (x + _GAP, _GAP + 2 * _TOP + at * (_HEIGHT + _GAP))
                body.append(_member(box, *spots[box.member]))
        left += width + _GAP
    doors = [(f"route {way.name}", one) for way in drawn.ways for one in way.through]
    arrows = (*drawn.arrows, *doors, *drawn.hops)
    body += [_arrow(spots[a], spots[b]) for a, b in arrows if a in spots and b in spots]
    size = f'width="{left}" height="{bottom + 2 * _GAP}"'
    font = 'font-family="sans-serif" font-size="13"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>',
            f"<title>{escape(drawn.environment)}</title>",
            '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" '
            'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#57606a"/></marker></defs>',
            *body,
            "</svg>",
        ]
    )


def _frame(x: int, y: int, width: int, height: int, title: str, fill: str) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="{fill}" '
        f'stroke="#d0d7de"/><text x="{x + 10}" y="{y + 21}" fill="#57606a">{escape(title)}</text>'
    )


def _member(box: Box, x: int, y: int) -> str:
    colour = _TROUBLE if box.role and not box.ready else _COLOURS.get(box.role, "#57606a")
    return (
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="#fff" '
        f'stroke="{colour}" stroke-width="2"/>'
        f'<text x="{x + 10}" y="{y + 19}">{escape(box.member)}</text>'
        f'<text x="{x + 10}" y="{y + 37}" fill="{colour}">{escape(box.role or box.engine)}</text>'
    )


def _door(way: Way, x: int, y: int) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="{_HEIGHT // 2}" '
        f'fill="#fff" stroke="#57606a" stroke-width="1.5"/>'
        f'<text x="{x + 22}" y="{y + 19}">{escape(way.name)}</text>'
        f'<text x="{x + 22}" y="{y + 37}" fill="#57606a">{escape(", ".join(way.doors))}</text>'
    )


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """From side to side, bent so that arrows between the same columns don't hide each other."""
    forward = end[0] >= start[0]
    x1 = start[0] + (_WIDTH if forward else 0)
    x2 = end[0] + (0 if forward else _WIDTH)
    y1, y2 = start[1] + _HEIGHT // 2, end[1] + _HEIGHT // 2
    middle = (x1 + x2) // 2
    return (
        f'<path d="M{x1},{y1} C{middle},{y1} {middle},{y2} {x2},{y2}" fill="none" '
        'stroke="#57606a" stroke-width="1.5" marker-end="url(#tip)"/>'
    )
