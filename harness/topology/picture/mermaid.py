"""The topology as a Mermaid flowchart, which GitHub and many editors render (https://mermaid.js.org/syntax/flowchart.html)."""

from harness import aws
from harness.topology.graph import Topology
from harness.topology.nodes import NodeId
from harness.topology.picture.palette import COLOURS, colour_of
from harness.topology.picture.selection import Card, DiagramLine, select

_SHAPES = {
    "cylinder": ("[(", ")]"),
    "flag": (">", "]"),
    "hexagon": ("{{", "}}"),
    "lanes": ("[[", "]]"),
    "rhombus": ("{", "}"),
}
_ARROWS = {"flow": "-->", "failure": "-.->", "call": "-->", "guard": "-.-"}
_FAILURE_COLOUR = "#d13212"


def mermaid(topology: Topology) -> str:
    """The text of a flowchart, grouped by stack, failures in red."""
    selection = select(topology)
    names = {node: f"n{number}" for number, node in enumerate(selection.cards)}
    text = ["flowchart LR"]
    for number, stack in enumerate(selection.stacks):
        # A generated id: "end" and other keywords of Mermaid are valid names of stacks.
        text.append(f'  subgraph s{number}["{_quoted(stack)}"]')
        text += [f"    {_node(card, names)}" for card in selection.cards.values() if card.node.stack == stack]
        text.append("  end")
    text += [f"  {_node(card, names)}" for card in selection.cards.values() if not card.node.stack]
    text += [f"  {_arrow(line, names)}" for line in selection.lines]
    for colour, value in COLOURS.items():
        text.append(f"  classDef {colour} stroke:{value},stroke-width:2px")
    failures = [str(number) for number, line in enumerate(selection.lines) if line.style == "failure"]
    if failures:
        text.append(f"  linkStyle {','.join(failures)} stroke:{_FAILURE_COLOUR}")
    return "\n".join(text) + "\n"


def _left_and_right(kind: str) -> tuple[str, str]:
    if kind == "external":
        return "((", "))"
    return _SHAPES.get(aws.KINDS[kind].shape if kind in aws.KINDS else "", ("[", "]"))


def _node(card: Card, names: dict[NodeId, str]) -> str:
    left, right = _left_and_right(card.node.kind)
    text = f'"{_quoted(card.title)}<br><small>{_quoted(card.subtitle)}</small>"'
    return f"{names[card.node.id]}{left}{text}{right}:::{colour_of(card.node.kind)}"


def _arrow(line: DiagramLine, names: dict[NodeId, str]) -> str:
    label = f'|"{_quoted(line.label)}"|' if line.label else ""
    return f"{names[line.source]} {_ARROWS[line.style]}{label} {names[line.target]}"


def _quoted(text: str) -> str:
    """Mermaid's entities: https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters"""
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
