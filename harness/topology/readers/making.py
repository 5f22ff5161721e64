"""How readers create edges."""

from collections.abc import Callable
from typing import Any, TypeVar

from harness.topology.document import Location
from harness.topology.edges import Condition, Edge, EdgeKind
from harness.topology.nodes import NodeId
from harness.topology.resources import TemplateResource
from harness.topology.wiring import Wiring

Parsed = TypeVar("Parsed")


def edge(
    kind: EdgeKind,
    source: NodeId,
    target: NodeId,
    condition: Condition | None,
    resource: TemplateResource,
    *path: str | int,
    failures: tuple[NodeId | None, ...] = (),
    inferred: bool = False,
    pattern: Location = (),
    problem: str = "",
) -> Edge:
    """An edge that `resource` declares at the property `path`. `pattern` is the location of its pattern in the template."""
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
        problem,
        pattern,
    )


def read_pattern(
    wiring: Wiring, value: Any, resource: TemplateResource, parse: Callable[[Any], Parsed]
) -> tuple[Parsed | None, str]:
    """A pattern, or the reason why there is none: "" if the template has none.

    A pattern may be JSON text, which stays unchanged.
    """
    if value is None:
        return None, ""
    known = wiring.static(value, resource)
    if known is None:
        return None, "A part of the pattern is known to a deployment alone."
    try:
        return parse(known), ""
    except ValueError as error:
        return None, str(error)
