"""The way of a flow through the architecture, as SVG inside a page.

It shows what the flow touched, from the client that began it to the mails that left the system; and, pale, where an event
would have gone from the place where it was lost. `on_whole` marks the same in the diagram of the whole architecture.
The classes and colours are those of the page's style sheet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

from harness.report import details
from harness.report.placement import Way
from harness.report.trace import TracedActivity, TracedFlow
from harness.topology import Node, NodeId, Topology
from harness.topology.picture import svg
from harness.topology.picture.layout import Arrow, Item, Point, layered
from harness.topology.picture.palette import COLOURS, ICONS, OTHER_ICON, colour_of
from harness.topology.picture.paths import BOLD, curve, text_width
from harness.topology.picture.selection import Selection, select, short, subtitle, title

_CARD_HEIGHT = 50.0
_MARGIN = 18.0
_BADGE_HEIGHT = 20.0
_LABEL_SIZE, _LABEL_GAP = 10.5, 16.0
_CLIENT = "client"
_CLIENT_ICON = "M4 6l5 6-5 6M12 18h8"
_MOST_MESSAGES = 4


@dataclass(frozen=True, slots=True)
class _Card:
    key: str
    title: str
    subtitle: str
    icon: str
    colour: str
    state: str
    """"ok", "failed", "broke", "pending" or "unreached"."""
    activity: int | None
    """The activity that a click on it opens."""


@dataclass(frozen=True, slots=True)
class _Way:
    source: str
    target: str
    label: str
    state: str
    """"ok", "failed", "refused" (where it was lost), "passed-by" (refused here, but taken by others) or "unreached"."""


def flow_picture(flow: TracedFlow, topology: Topology, prefix: str = "activity-") -> str:
    """The diagram as an `svg` element; "" if the flow touched fewer than two resources.

    Its cards link to the activities, whose ids in the page begin with the prefix.
    """
    cards, ways = _chosen(flow, topology)
    if len(cards) < 2:
        return ""
    items = [Item(card.key, _width(card), _CARD_HEIGHT) for card in cards.values()]
    arrows = [
        Arrow(
            way.source,
            way.target,
            text_width(way.label, _LABEL_SIZE) + _LABEL_GAP if way.label else 0,
            False,
            way.state == "unreached",
        )
        for way in ways
    ]
    layout = layered(items, arrows, column_gap=54)
    top = _MARGIN + _BADGE_HEIGHT
    width, height = layout.width + 2 * _MARGIN, layout.height + top + _MARGIN
    parts = [_markers(prefix)]
    order = ("unreached", "passed-by", "refused", "ok", "failed")
    for way, points in sorted(zip(ways, layout.ways, strict=True), key=lambda pair: order.index(pair[0].state)):
        if points:
            parts.append(_way(way, prefix, [(x + _MARGIN, y + top) for x, y in points]))
    for card in cards.values():
        x, y = layout.places[card.key]
        parts.append(_card(card, prefix, x + _MARGIN, y + top))
    broken = [card.title for card in cards.values() if card.state == "broke"]
    title = f"The way of the flow through {len(cards)} places" + (
        f"; it broke at {', '.join(broken)}" if broken else ""
    )
    return (
        f'<svg class="way" role="group" aria-label="{escape(title)}" data-width="{width:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">{"".join(parts)}</svg>'
    )


def on_whole(flow: TracedFlow, topology: Topology) -> str:
    """The diagram of the whole architecture, an SVG document, with everything pale that the flow did not touch."""
    drawn = svg(topology)
    cards, ways = _chosen(flow, topology)
    for card in cards.values():
        drawn = drawn.replace(
            f'data-node="{escape(card.key)}"', f'data-node="{escape(card.key)}" data-on="{card.state}"'
        )
    for way in ways:
        name = escape(f"{way.source} {way.target}")
        drawn = drawn.replace(f'data-edge="{name}"', f'data-edge="{name}" data-on="{way.state}"')
    style = (
        "[data-node]:not([data-on]),[data-edge]:not([data-on]),[data-on=unreached]{opacity:.3}"
        "[data-on=ok]>rect:first-of-type{stroke:var(--line)}"
        "[data-on=broke]>rect:first-of-type,[data-on=failed]>rect:first-of-type{stroke:var(--failure);stroke-width:2.5}"
        "[data-on=refused] path,.edge[data-on=failed] path{stroke:var(--failure)}"
        ".edge[data-on=ok] path{stroke:var(--text);stroke-width:2}"
    )
    return drawn.replace("</style>", f"{style}</style>", 1)


def _chosen(flow: TracedFlow, topology: Topology) -> tuple[dict[str, _Card], list[_Way]]:
    """The cards and ways to draw for a flow."""
    known = {activity.id: activity for activity in flow.activities}
    selection = select(topology)
    broke = {node for node in _broken_nodes(flow) if _found(node, topology)}
    heard = {activity.node for activity in flow.activities if _is_on_the_way(activity)}
    drawn = {str(card) for card in selection.cards if str(card) in heard} | broke
    drawn |= {way.target for way in flow.ways if way.state == "refused"}
    ways = [
        _Way(way.source, way.target, _label(selection, way), way.state)
        for way in flow.ways
        if way.source in drawn and way.target in drawn
    ]
    touched = dict.fromkeys(
        [*(activity.node for activity in flow.activities if activity.node in drawn), *sorted(broke)]
    )
    lost = {number for finding in flow.findings if finding.lost for number in finding.activities}
    shown = {(way.source, way.target): lost.intersection(way.activities) for way in flow.ways}
    ways = [
        way
        if way.state != "refused" or way.target in broke or shown[way.source, way.target]
        else replace(way, state="passed-by")
        for way in ways
    ]
    states = {str(node): _state(str(node), flow.activities, broke) for node in touched}
    for way in ways:
        if way.state in ("passed-by", "refused"):
            states.setdefault(way.target, "unreached")
        else:
            states.setdefault(way.source, "ok")
            states.setdefault(way.target, "ok")
    ways += _beyond(selection, broke, ways)
    for way in ways:
        states.setdefault(way.target, "unreached")
    cards = {
        node: card for node, state in states.items() if (card := _node_card(node, state, flow.activities, topology))
    }
    ways = [way for way in ways if way.source in cards and way.target in cards]
    return _with_ends(flow, known, cards, ways)


_LEFT_AS = {"mail": "email_identity", "frame": "websocket_api"}
"""The icon of an outgoing message; text messages have that of a topic."""


def _with_ends(
    flow: TracedFlow, known: dict[int, TracedActivity], cards: dict[str, _Card], ways: list[_Way]
) -> tuple[dict[str, _Card], list[_Way]]:
    """The same with the client that began it, and with the mails, text messages and WebSocket frames that left the system."""
    roots = [activity for activity in flow.activities if activity.step_parent is None and not activity.hidden]
    begun: dict[str, list[str]] = {}
    for activity in roots:
        if activity.node in cards:
            begun.setdefault(str(activity.node), []).append(activity.label)
    client = _Card(_CLIENT, "test", "client", _CLIENT_ICON, COLOURS["outside"], "ok", roots[0].id if roots else None)
    found = {_CLIENT: client, **cards} if begun else dict(cards)
    first = [_Way(_CLIENT, node, short(", ".join(dict.fromkeys(titles))), "ok") for node, titles in begun.items()]
    last = []
    messages = [
        activity
        for activity in flow.activities
        if activity.kind == "message" or activity.facts.get("direction") == "out"
    ]
    for activity in messages[:_MOST_MESSAGES]:
        origin = activity
        while origin.node not in cards and origin.parent in known:
            origin = known[origin.parent]
        if origin.node in cards:
            key = f"message {activity.id}"
            what = activity.label.partition(" to ")[0]
            icon = ICONS[_LEFT_AS.get(what, "topic")]
            about = str(activity.facts.get("connection") or "") or activity.subtitle.partition(" · ")[2]
            found[key] = _Card(key, what, short(about), icon, COLOURS["outside"], "ok", activity.id)
            last.append(_Way(str(origin.node), key, "", "ok"))
    return found, [*first, *ways, *last]


def _is_on_the_way(activity: TracedActivity) -> bool:
    """Whether the resource of an activity is drawn. It is for a step, and for a hidden activity that passed its event on. It is
    not for an archive, which keeps every event and so says little."""
    return not activity.hidden or (
        activity.kind in ("batch", "decision", "delivery", "invocation")
        and not activity.name.startswith("Events-Archive-")
    )


def _broken_nodes(flow: TracedFlow) -> set[str]:
    """Where events were lost: the resources of findings, and those of the activities that show them."""
    known = {activity.id: activity for activity in flow.activities}
    found = set()
    for finding in flow.findings:
        if not finding.lost:
            continue
        shown = [known[number].node for number in finding.activities[:1] if number in known]
        found.add(finding.resource)
        found.update(node for node in shown if node)
    return found


def _state(node: str, activities: tuple[TracedActivity, ...], broke: set[str]) -> str:
    if node in broke:
        return "broke"
    states = {activity.outcome for activity in activities if activity.node == node}
    if states == {"refused"}:
        return "unreached"
    return next((state for state in ("pending", "failed") if state in states), "ok")


def _found(node: str, topology: Topology) -> Node | None:
    """The node of "stack.LogicalId"."""
    stack, _, logical_id = node.partition(".")
    return topology.nodes.get(NodeId(stack, logical_id))


def _beyond(selection: Selection, broke: set[str], ways: list[_Way]) -> Iterator[_Way]:
    """Where an event would have gone from the places where it was lost."""
    taken = {(way.source, way.target) for way in ways}
    for line in selection.lines:
        source, target = str(line.source), str(line.target)
        if line.style == "flow" and source in broke and (source, target) not in taken and source != target:
            yield _Way(source, target, line.label, "unreached")


def _label(selection: Selection, way: Way) -> str:
    """The label of the way in the diagram of the architecture, and how often events took it."""
    ends = way.source, way.target
    label = next((line.label for line in selection.lines if (str(line.source), str(line.target)) == ends), "")
    return " ".join(filter(None, [label, f"×{len(way.activities)}" if len(way.activities) > 1 else ""]))


def _node_card(node: str, state: str, activities: tuple[TracedActivity, ...], topology: Topology) -> _Card | None:
    found = _found(node, topology)
    if found is None:
        return None
    order = ("failed", "pending", "refused", "ok")
    own = sorted(
        (activity for activity in activities if activity.node == node and not activity.hidden),
        key=lambda activity: order.index(activity.outcome),
    )
    return _Card(
        key=node,
        title=title(found),
        subtitle=" · ".join(filter(None, [found.stack, subtitle(topology, found)])),
        icon=ICONS.get(found.kind, OTHER_ICON),
        colour=COLOURS[colour_of(found.kind)],
        state=state,
        activity=own[0].id if own else None,
    )


def _width(card: _Card) -> float:
    return max(text_width(card.title, 13) * BOLD, text_width(card.subtitle, 10.5)) + 62


def _card(card: _Card, prefix: str, x: float, y: float) -> str:
    width = _width(card)
    badge = ""
    if card.state in ("broke", "pending"):
        text = "lost here" if card.state == "broke" else "waits"
        wide = text_width(text, 11) * BOLD + 18
        badge = (
            f'<rect class="badge" x="{x + width - wide - 8:.1f}" y="{y - 11:.1f}" width="{wide:.1f}" '
            f'height="{_BADGE_HEIGHT:.0f}" rx="10"/>'
            f'<text class="badge-text" x="{x + width - wide / 2 - 8:.1f}" y="{y + 3:.1f}" text-anchor="middle">{text}</text>'
        )
    inside = (
        f"<title>{escape(card.key if card.key.find('.') > 0 else card.title)}</title>"
        f'<rect class="card" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_CARD_HEIGHT:.0f}" rx="9"/>'
        f'<rect x="{x + 9:.1f}" y="{y + 10:.1f}" width="30" height="30" rx="7" fill="{card.colour}"/>'
        f'<path class="sign" transform="translate({x + 15:.1f} {y + 16:.1f}) scale(.75)" d="{card.icon}"/>'
        f'<text class="name" x="{x + 48:.1f}" y="{y + 22:.1f}">{escape(card.title)}</text>'
        f'<text class="sub" x="{x + 48:.1f}" y="{y + 37:.1f}">{escape(card.subtitle)}</text>{badge}'
    )
    group = f'<g class="at {card.state}" data-node="{escape(card.key)}">{inside}</g>'
    return f'<a href="#{prefix}{card.activity}" tabindex="-1">{group}</a>' if card.activity is not None else group


def _way(way: _Way, prefix: str, points: list[Point]) -> str:
    label = ""
    if way.label:
        (x, y), (next_x, _) = points[:-3:-1]
        side = 1 if next_x > x else -1
        level = side * min(text_width(way.label, _LABEL_SIZE) + 6, abs(next_x - x) - 24)
        points = [*points[:-1], (x + level, y), points[-1]]
        anchor = "start" if side == 1 else "end"
        label = f'<text x="{x + side * 9:.1f}" y="{y - 5:.1f}" text-anchor="{anchor}">{escape(way.label)}</text>'
    cross = ""
    if way.state in ("refused", "passed-by"):
        x, y = points[-1]
        cross = f'<path class="cross" d="M{x - 17:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"/>'
        points = [*points[:-1], (x - 15, y)]
    head = "" if cross else f' marker-end="url(#{prefix}{way.state})"'
    return (
        f'<g class="to {way.state}" data-edge="{escape(f"{way.source} {way.target}")}">'
        f'<path d="{curve(points)}"{head}/>{cross}{label}</g>'
    )


def _markers(prefix: str) -> str:
    heads = "".join(
        f'<marker id="{prefix}{name}" class="{name}" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="5" markerHeight="5" '
        f'orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
        for name in ("ok", "failed", "unreached")
    )
    return f"<defs>{heads}</defs>"


def icon_of(activity: TracedActivity, topology: Topology) -> tuple[str, str]:
    """The icon of an activity's resource, and its colour."""
    found = _found(activity.node, topology) if activity.node else None
    kind = found.kind if found and activity.kind != "timer" else details.node_kind(activity.service, activity.kind)
    return ICONS.get(kind, OTHER_ICON), COLOURS[colour_of(kind)]
