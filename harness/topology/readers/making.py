"""How readers make edges."""

from typing import Any

from harness.topology.document import Location
from harness.topology.edges import Condition, Edge, EdgeKind
from harness.topology.nodes import NodeId
from harness.topology.resources import Resource
from harness.topology.wiring import Wiring


def edge(
    kind: EdgeKind,
    source: NodeId,
    target: NodeId,
    condition: Condition | None,
    resource: Resource,
    *path: str | int,
    failures: tuple[NodeId | None, ...] = (),
    inferred: bool = False,
    pattern: Location = (),
) -> Edge:
    """An edge that `resource` declares at the property `path`. `pattern` is the place of its pattern in the template."""
    return Edge(
        kind,
        source,
        target,
        condition,
        resource.id,
        resource.template.path,
        resource.line(*path),
        tuple(failure for failure in failures if failure),
        inferred,
        pattern,
    )


def known_pattern(wiring: Wiring, value: Any, resource: Resource) -> Any:
    """A pattern with its functions carried out; None where a part of it is known to a deployment alone.

    A pattern may be JSON text, which stays as it is.
    """
    return None if value is None else wiring.static(value, resource)
