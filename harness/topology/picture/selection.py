"""The part of a topology that is drawn: the resources that an event passes, and the connections between them."""

import re
from dataclasses import dataclass
from typing import Literal

from harness import aws
from harness.topology.edges import (
    AlarmCondition,
    AsynchronousCondition,
    Edge,
    NamedCondition,
    RedriveCondition,
    RouteCondition,
    RuleCondition,
    SubscriptionCondition,
    TargetSettings,
    TaskCondition,
)
from harness.topology.graph import Topology
from harness.topology.nodes import Node, NodeId
from harness.topology.patterns import ObjectFilter

Style = Literal["flow", "failure", "call", "guard"]
"""An event's path; a failure target; an inferred call; an authorizer's decision on a request."""

_DETAILS = frozenset(name for name, kind in aws.KINDS.items() if kind.is_detail)
"""Omitted unless an event passes them."""
_LEFT_OUT = frozenset({"logs", "permission"})
_STYLES: dict[str, Style] = {"authorizer": "guard", "calls": "call", "dead_letter": "failure", "redrive": "failure"}
_LONGEST_LABEL = 30


@dataclass(frozen=True, slots=True)
class DiagramLine:
    source: NodeId
    target: NodeId
    style: Style
    label: str = ""
    title: str = ""
    """The text of its tooltip: kind, condition, file and line."""


@dataclass(frozen=True, slots=True)
class Card:
    node: Node
    title: str
    subtitle: str


@dataclass(frozen=True)
class Selection:
    cards: dict[NodeId, Card]
    lines: tuple[DiagramLine, ...]

    @property
    def stacks(self) -> tuple[str, ...]:
        return tuple(sorted({card.node.stack for card in self.cards.values() if card.node.stack}))


def select(topology: Topology) -> Selection:
    """The part to draw. Two resources have at most one line of each style between them."""
    lines: dict[tuple[NodeId, NodeId, Style], DiagramLine] = {}
    failures: dict[tuple[NodeId, NodeId, Style], DiagramLine] = {}
    for edge in topology.edges:
        if edge.kind in _LEFT_OUT or _is_detail(topology, edge):
            continue
        line = _line(edge)
        key = (line.source, line.target, line.style)
        lines[key] = _joined(lines[key], line) if key in lines else line
        for failure in _drawn_failures(topology, edge):
            source = edge.target if edge.kind == "event_source_mapping" else edge.source
            told = f"what {edge.kind.replace('_', ' ')} cannot deliver or handle"
            failures.setdefault((source, failure, "failure"), DiagramLine(source, failure, "failure", "", told))
    drawn = tuple({**failures, **lines}.values())
    passed = {end for line in drawn for end in (line.source, line.target)}
    nodes = [
        node for node in topology.nodes.values() if node.id in passed or (node.stack and node.kind not in _DETAILS)
    ]
    return Selection({node.id: Card(node, title(node), subtitle(topology, node)) for node in nodes}, drawn)


def _is_detail(topology: Topology, edge: Edge) -> bool:
    """A call to a parameter or a key is a detail; a subscription to a log shows a path of events."""
    return edge.kind == "calls" and topology.nodes[edge.target].kind in _DETAILS


def _drawn_failures(topology: Topology, edge: Edge) -> tuple[NodeId, ...]:
    """Without a queue's own redrive, which has a line already."""
    redriven = {each.target for each in topology.leaving(edge.source, "redrive")}
    return tuple(failure for failure in edge.failures if failure not in redriven)


def _line(edge: Edge) -> DiagramLine:
    style = _STYLES.get(edge.kind, "flow")
    if isinstance(edge.condition, AsynchronousCondition) and edge.condition.on == "failure":
        style = "failure"
    label = _label(edge)
    where = f"{edge.file.parent.name}/{edge.file.name}:{edge.line}"
    return DiagramLine(
        edge.source, edge.target, style, label, " · ".join(filter(None, [edge.kind.replace("_", " "), label, where]))
    )


def _joined(one: DiagramLine, two: DiagramLine) -> DiagramLine:
    labels = list(dict.fromkeys(filter(None, [*one.label.split(", "), two.label])))
    return DiagramLine(one.source, one.target, one.style, short(", ".join(labels)), f"{one.title}\n{two.title}")


def _label(edge: Edge) -> str:
    match edge.condition:
        case RouteCondition(method, path):
            return short(f"{method} {path}".strip())
        case NamedCondition(name) if edge.kind != "authorizer":
            return short(name)
        case RedriveCondition(count):
            return f"after {count}"
        case ObjectFilter(events, prefix, suffix):
            kinds = ", ".join(event.removeprefix("s3:").removesuffix(":*") for event in events)
            return short(" ".join(filter(None, [kinds, f"{prefix}*{suffix}" if prefix or suffix else ""])))
        case SubscriptionCondition(_, policy) if policy:
            return "filtered"
        case TaskCondition(state, _, wait):
            return short(f"{state} (token)" if wait else state)
        case AsynchronousCondition("success"):
            return "on success"
        case AlarmCondition("OK" | "INSUFFICIENT_DATA" as state):
            return state.lower()
        case TargetSettings(enabled=False) | RuleCondition(enabled=False):
            return "disabled"
    return ""


def short(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def title(node: Node) -> str:
    """A logical id in words, without the words of its kind: "WelcomeDeadLetterQueue" -> "Welcome Dead Letter"."""
    if not node.stack:
        return short(_outside(node.id.logical_id))
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", node.logical_id) or [node.logical_id]
    said = _title(node.kind).lower().split()
    # Only a function's name may shrink to one word: "Event" and "User" are less clear than "Event Bus" and "User Pool".
    if words[-1].lower() in said and len(words) > (1 if node.kind == "function" else 2):
        words = words[:-1]
    return " ".join(words)


def _outside(text: str) -> str:
    return text.rsplit(":", 1)[-1] if text.startswith("arn:") else text


def _title(kind: str) -> str:
    """The name of a kind of node; an external node is outside all templates."""
    if kind == "external":
        return "outside"
    return (aws.KINDS[kind].title if kind in aws.KINDS else "") or kind.replace("_", " ")


def subtitle(topology: Topology, node: Node) -> str:
    """Its kind; for a rule, what it waits for."""
    if node.kind == "rule":
        for edge in (*topology.entering(node.id, "bus_rule"), *topology.leaving(node.id, "rule_target")):
            if isinstance(edge.condition, RuleCondition) and edge.condition.pattern:
                return short(_awaited(edge.condition))
            if isinstance(edge.condition, TargetSettings) and edge.condition.schedule:
                return short(edge.condition.schedule)
    if node.kind == "schedule":
        for edge in topology.leaving(node.id, "schedule"):
            if isinstance(edge.condition, TargetSettings) and edge.condition.schedule:
                return short(edge.condition.schedule)
    return _title(node.kind)


def _awaited(condition: RuleCondition) -> str:
    for name in ("detail-type", "source"):
        for branch in condition.pattern.branches if condition.pattern else ():
            if name in branch:
                return branch[name].describe().replace("'", "").replace(" or ", ", ")
    return _title("rule")
