"""The topology as an SVG image: a box for each stack, light and dark, in the reader's own fonts.

A line to another stack ends at a small tag with the other's name, so that no line crosses the page, however many stacks
there are. Every group has `data-node` or `data-edge`, and a title with file and line.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from harness.topology.graph import Topology
from harness.topology.nodes import NodeId
from harness.topology.picture.layout import Arrow, Item, Layout, Point, layered
from harness.topology.picture.palette import COLOURS, ICONS, OTHER_ICON, colour_of
from harness.topology.picture.paths import BOLD, curve, text_width
from harness.topology.picture.selection import Card, DiagramLine, Selection, select

_CARD_HEIGHT, _TAG_HEIGHT = 46.0, 24.0
_PADDING, _HEADER, _MARGIN = 22.0, 40.0, 28.0
_MOST_WIDTH = 1500.0
_LABEL_SIZE = 10.5

Side = Literal["in", "out"]
Tag = tuple[Side, NodeId]

_STYLE = """
svg { --page:#ffffff; --box:#f7f8fa; --edge:#e3e6ea; --card:#ffffff; --line:#8a94a0; --text:#16191f; --soft:#5f6b7a;
  --failure:#d13212; --call:#b6bec9; background:var(--page);
  font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif }
@media (prefers-color-scheme: dark) { svg { --page:#0d1117; --box:#151b23; --edge:#2b333d; --card:#1c232d; --line:#7d8998;
  --text:#e6edf3; --soft:#9aa7b5; --failure:#ff7b6b; --call:#4a5563 } }
.stack > rect { fill:var(--box); stroke:var(--edge) }
.stack > .name { fill:var(--text); font-size:14px; font-weight:650; letter-spacing:.01em }
.node > rect { fill:var(--card); stroke:var(--edge) }
.node .sign { fill:none; stroke:#fff; stroke-width:2; stroke-linecap:round; stroke-linejoin:round }
.node .title { fill:var(--text); font-size:12.5px; font-weight:600 }
.node .kind { fill:var(--soft); font-size:10.5px }
.tag > rect { fill:var(--page); stroke:var(--line); stroke-dasharray:3 3 }
.tag text { fill:var(--soft); font-size:11px }
.edge path { fill:none; stroke:var(--line); stroke-width:1.5; marker-end:url(#flow) }
.edge.call path { stroke:var(--call); marker-end:url(#call) }
.edge.failure path { stroke:var(--failure); stroke-dasharray:5 4; marker-end:url(#failure) }
.edge.guard path { stroke-dasharray:2 4; stroke-linecap:round }
.edge text { fill:var(--soft); font-size:10.5px; paint-order:stroke; stroke:var(--box); stroke-width:4px;
  stroke-linejoin:round }
.edge.failure text { fill:var(--failure) }
.legend text { fill:var(--soft); font-size:11px }
"""


@dataclass
class _Box:
    """A stack's content and its position."""

    name: str
    layout: Layout
    lines: list[DiagramLine]
    ends: list[tuple[NodeId | Tag, NodeId | Tag]]
    crowded: set[NodeId]
    """Cards with several labels before them: their labels are at the beginning of the lines."""
    tags: list[Tag] = field(default_factory=list)
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0


def svg(topology: Topology) -> str:
    """The image as text."""
    selection = select(topology)
    boxes = [_box(selection, stack) for stack in selection.stacks]
    width, height = _arrange(boxes)
    parts = [
        f"<title>Architecture: {escape(', '.join(selection.stacks))}</title>",
        f"<style>{_STYLE}</style>",
        _markers(),
    ]
    for box in boxes:
        parts += _drawn(box, selection)
    parts += _legend(_MARGIN, height + 6)
    size = f'width="{width:.0f}" height="{height + 34:.0f}" viewBox="0 0 {width:.0f} {height + 34:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>\n' + "\n".join(parts) + "\n</svg>\n"


def _box(selection: Selection, stack: str) -> _Box:
    lines, ends, tags = [], [], []
    for line in selection.lines:
        inside = line.source.stack == stack, line.target.stack == stack
        if not any(inside):
            continue
        source: NodeId | Tag = line.source if inside[0] else ("in", line.source)
        target: NodeId | Tag = line.target if inside[1] else ("out", line.target)
        tags += [end for end in (source, target) if isinstance(end, tuple) and end not in tags]
        lines.append(line)
        ends.append((source, target))
    items = [
        Item(card.node.id, _card_width(card), _CARD_HEIGHT)
        for card in selection.cards.values()
        if card.node.stack == stack
    ]
    items += [Item(tag, text_width(_tag_text(selection, tag), 11) + 24, _TAG_HEIGHT) for tag in tags]
    labelled = Counter(line.target for line in lines if line.label)
    crowded = {node for node, count in labelled.items() if count > 1}
    arrows = [
        Arrow(
            source,
            target,
            text_width(line.label, _LABEL_SIZE),
            line.target in crowded,
            # Inferred calls and failure targets bend towards the path of events.
            line.style != "flow",
        )
        for line, (source, target) in zip(lines, ends, strict=True)
    ]
    layout = layered(items, arrows)
    title = text_width(stack, 14) + 2 * _PADDING
    width = max(layout.width + 2 * _PADDING, title)
    return _Box(stack, layout, lines, ends, crowded, tags, width=width, height=layout.height + _HEADER + _PADDING)


def _arrange(boxes: list[_Box]) -> tuple[float, float]:
    """Arrange the boxes in rows of about equal width; returns the total size. The highest come first, rows are filled."""
    # Not wider with more stacks: a page scrolls down, and an image scaled down to fit is unreadable.
    limit = max([_MOST_WIDTH, *(box.width + 2 * _MARGIN for box in boxes)])
    rows: list[list[_Box]] = []
    for box in sorted(boxes, key=lambda each: (-each.height, each.name)):
        # The first row with room for it: small boxes are placed next to high ones.
        room = next((row for row in rows if _row_width([*row, box]) <= limit), None)
        if room is None:
            rows.append([box])
        else:
            room.append(box)
    width = max((_row_width(row) for row in rows), default=2 * _MARGIN)
    y = _MARGIN
    for row in rows:
        height = max(box.height for box in row)
        spare = (width - _row_width(row)) / len(row)
        x = _MARGIN
        for box in row:
            box.x, box.y, box.width, box.height = x, y, box.width + spare, height
            x += box.width + _MARGIN
        y += height + _MARGIN
    return width, y


def _row_width(row: list[_Box]) -> float:
    return sum(box.width for box in row) + _MARGIN * (len(row) + 1)


def _drawn(box: _Box, selection: Selection) -> Iterator[str]:
    yield f'<g class="stack" data-stack="{escape(box.name)}">'
    yield f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="12"/>'
    yield f'<text class="name" x="{box.x + _PADDING:.1f}" y="{box.y + 25:.1f}">{escape(box.name)}</text>'
    # Centred in the available space, which may be larger than needed.
    spare_x = max(0, (box.width - box.layout.width) / 2 - _PADDING)
    spare_y = max(0, (box.height - _HEADER - _PADDING - box.layout.height) / 2)
    left, top = box.x + _PADDING + spare_x, box.y + _HEADER + spare_y
    drawn = list(zip(box.lines, box.layout.ways, strict=True))
    labels: Counter[Point] = Counter()  # a second label at the same point is above the first
    for line, way in sorted(drawn, key=lambda pair: ("call", "guard", "flow", "failure").index(pair[0].style)):
        if way:
            points = [(x + left, y + top) for x, y in way]
            at_source = line.target in box.crowded
            corner = points[0] if at_source else points[-1]
            yield _edge(line, points, label_at_source=at_source, lift=12 * labels[corner])
            labels[corner] += bool(line.label)
    for tag in box.tags:
        x, y = box.layout.places[tag]
        yield _tag(selection, tag, x + left, y + top)
    for card in selection.cards.values():
        if card.node.stack == box.name:
            x, y = box.layout.places[card.node.id]
            yield _card(card, x + left, y + top)
    yield "</g>"


def _card_width(card: Card) -> float:
    return max(text_width(card.title, 12.5) * BOLD, text_width(card.subtitle, 10.5)) + 62


def _card(card: Card, x: float, y: float) -> str:
    node = card.node
    where = f"{node.file.parent.name}/{node.file.name}:{node.line}" if node.file else ""
    icon = ICONS.get(node.kind, OTHER_ICON)
    return (
        f'<g class="node {node.kind}" data-node="{escape(str(node.id))}">'
        f"<title>{escape(' · '.join(filter(None, [node.logical_id, node.type, node.name, where])))}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_card_width(card):.1f}" height="{_CARD_HEIGHT:.0f}" rx="9"/>'
        f'<rect x="{x + 8:.1f}" y="{y + 8:.1f}" width="30" height="30" rx="7" '
        f'style="fill:{COLOURS[colour_of(node.kind)]};stroke:none"/>'
        f'<path class="sign" transform="translate({x + 14:.1f} {y + 14:.1f}) scale(.75)" d="{icon}"/>'
        f'<text class="title" x="{x + 47:.1f}" y="{y + 20:.1f}">{escape(card.title)}</text>'
        f'<text class="kind" x="{x + 47:.1f}" y="{y + 35:.1f}">{escape(card.subtitle)}</text></g>'
    )


def _tag_text(selection: Selection, tag: Tag) -> str:
    side, node = tag
    name = selection.cards[node].title if node in selection.cards else str(node)
    text = f"{node.stack} · {name}" if node.stack else name
    return f"{text} →" if side == "in" else f"→ {text}"


def _tag(selection: Selection, tag: Tag, x: float, y: float) -> str:
    text = _tag_text(selection, tag)
    width = text_width(text, 11) + 24
    return (
        f'<g class="tag" data-node="{escape(str(tag[1]))}"><title>{escape(str(tag[1]))}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_TAG_HEIGHT:.0f}" rx="12"/>'
        f'<text x="{x + width / 2:.1f}" y="{y + 16:.1f}" text-anchor="middle">{escape(text)}</text></g>'
    )


def _edge(line: DiagramLine, way: list[Point], *, label_at_source: bool, lift: float) -> str:
    label = ""
    if line.label:
        # Level below its label, so that it does not cross the label.
        (x, y), (next_x, _) = way[:2] if label_at_source else way[:-3:-1]
        side = 1 if next_x > x else -1
        level = side * min(text_width(line.label, _LABEL_SIZE) + 6, abs(next_x - x) - 24)
        way = [way[0], (x + level, y), *way[1:]] if label_at_source else [*way[:-1], (x + level, y), way[-1]]
        at = f'x="{x + side * 9:.1f}" y="{y - 5 - lift:.1f}" text-anchor="{"start" if side == 1 else "end"}"'
        label = f"<text {at}>{escape(line.label)}</text>"
    return (
        f'<g class="edge {line.style}" data-edge="{escape(f"{line.source} {line.target}")}">'
        f'<title>{escape(line.title)}</title><path d="{curve(way)}"/>{label}</g>'
    )


def _markers() -> str:
    heads = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="5.5" markerHeight="5.5" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" style="fill:var(--{colour})"/></marker>'
        for name, colour in (("flow", "line"), ("call", "call"), ("failure", "failure"))
    )
    return f"<defs>{heads}</defs>"


def _legend(x: float, y: float) -> Iterator[str]:
    yield '<g class="legend">'
    for style, text in (
        ("flow", "an event goes"),
        ("call", "may call"),
        ("failure", "failures go"),
        ("guard", "is asked for permission"),
    ):
        yield f'<g class="edge {style}"><path d="M{x:.1f} {y:.1f}h30"/></g>'
        yield f'<text x="{x + 42:.1f}" y="{y + 4:.1f}">{text}</text>'
        x += 42 + text_width(text, 11) + 26
    yield "</g>"
