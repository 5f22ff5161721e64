"""The topology as plain data, for other tools."""

import dataclasses
from pathlib import Path
from typing import Any

from harness.topology.edges import Edge
from harness.topology.graph import Topology
from harness.topology.nodes import NodeId
from harness.topology.patterns import EventPattern, EventSourceFilters, FilterPolicy


def as_json(topology: Topology, root: Path | None = None) -> dict[str, Any]:
    """`{"nodes": [...], "edges": [...]}`; patterns as AWS's text, files relative to `root` if they are below it."""
    nodes = [
        {
            "id": str(node.id),
            "stack": node.stack,
            "logical_id": node.logical_id,
            "kind": node.kind,
            "type": node.type,
            "name": node.name,
            "physical_id": node.physical_id,
            "file": _file(node.file, root),
            "line": node.line or None,
        }
        for node in topology.nodes.values()
    ]
    return {"nodes": nodes, "edges": [_edge(edge, root) for edge in topology.edges]}


def _edge(edge: Edge, root: Path | None) -> dict[str, Any]:
    return {
        "kind": edge.kind,
        "source": str(edge.source),
        "target": str(edge.target),
        "condition": _plain(edge.condition),
        "failures": [str(failure) for failure in edge.failures],
        "inferred": edge.inferred,
        "problem": edge.problem or None,
        "via": str(edge.via),
        "file": _file(edge.file, root),
        "line": edge.line,
    }


def _file(file: Path | None, root: Path | None) -> str | None:
    if file is None:
        return None
    return str(file.relative_to(root)) if root and file.is_relative_to(root) else str(file)


def _plain(value: Any) -> Any:
    match value:
        case EventPattern(text=text):
            return text
        case FilterPolicy(text=text, scope=scope):
            return {"policy": text, "scope": scope}
        case EventSourceFilters(texts=texts):
            return list(texts)
        case NodeId():
            return str(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value
