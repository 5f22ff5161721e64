"""The templates as one typed graph: what is connected to what, on which condition, and where failures go."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.topology.edges import Edge, EdgeKind
from harness.topology.identifiers import identifiers, name_in
from harness.topology.nodes import Node, NodeId
from harness.topology.patterns import Refusal
from harness.topology.readers import read
from harness.topology.resources import Stack, TemplateResource
from harness.topology.template import Template
from harness.topology.wiring import Wiring

if TYPE_CHECKING:
    import networkx


class Topology:
    """Nodes and edges of all stacks. `graph` is the same for networkx: its nodes are NodeIds with the Node as attribute "node";
    its edges have the Edge as attribute "edge" and are keyed by their number."""

    def __init__(
        self,
        nodes: Mapping[NodeId, Node],
        edges: Iterable[Edge],
        templates: Mapping[str, Template],
        resources: Mapping[NodeId, TemplateResource] | None = None,
        physical_ids: Mapping[NodeId, str] | None = None,
        regions: Mapping[str, str] | None = None,
    ) -> None:
        self.nodes = dict(nodes)
        self.edges = tuple(edges)
        self._templates = templates
        self.resources = dict(resources or {})
        """As the templates declare them, in CloudFormation's form; also resources that are no nodes."""
        self.physical_ids = dict(physical_ids or {})
        """The id of every deployed resource, also of those that are no nodes: mappings, subscriptions, policies."""
        self.regions = dict(regions or {})
        """The placement of each deployed stack, as far as it is known."""

    @classmethod
    def empty(cls) -> "Topology":
        """The topology of no templates."""
        return cls({}, (), {})

    @cached_property
    def graph(self) -> "networkx.MultiDiGraph[NodeId]":
        import networkx  # half a second, which commands without graph algorithms do not need

        graph: networkx.MultiDiGraph[NodeId] = networkx.MultiDiGraph()
        for node in self.nodes.values():
            graph.add_node(node.id, node=node)
        for number, edge in enumerate(self.edges):
            graph.add_edge(edge.source, edge.target, key=number, edge=edge)
        return graph

    def node(self, stack: str, logical_id: str) -> Node:
        """Raises KeyError."""
        return self.nodes[NodeId(stack, logical_id)]

    def by_physical_id(self, physical_id: str) -> Node | None:
        """The node that a deployment created under this id: a URL for a queue, an ARN or a name for most others."""
        return self._physical.get(physical_id)

    @cached_property
    def _physical(self) -> Mapping[str, Node]:
        return {node.physical_id: node for node in self.nodes.values() if node.physical_id}

    def declared_as(self, resource: str, *, in_any_region: bool = False) -> NodeId | None:
        """The resource that a deployment created under this id, ARN or URL, in any form, even if CloudFormation's physical id has
        another one; None if no template declares it. `in_any_region`: also if the ARN names a region that the stack is not
        in."""
        if found := self._declared.get(resource):
            return found
        for identifier in identifiers(resource):
            if (found := self._declared.get((identifier.type, identifier.name))) and (
                in_any_region or identifier.region in ("", self.regions.get(found.stack, identifier.region))
            ):
                return found
        return None

    @cached_property
    def _declared(self) -> Mapping[str | tuple[str, str], NodeId]:
        found: dict[str | tuple[str, str], NodeId] = {}
        for node_id, physical_id in self.physical_ids.items():
            found[physical_id] = node_id
            if resource := self.resources.get(node_id):
                found[resource.type, name_in(physical_id)] = node_id
        return found

    def place_of(self, node: NodeId, *path: str | int) -> tuple[Path, int] | None:
        """File and line of a resource's declaration, or of its property at a path of CloudFormation's form; if the template does
        not have the property, the line of its container. None if no template declares the resource."""
        resource = self.resources.get(node)
        return (resource.template.path, resource.line(*path)) if resource else None

    def leaving(self, node: NodeId, *kinds: EdgeKind) -> tuple[Edge, ...]:
        """The edges that begin at a node; of all kinds if none is given."""
        return tuple(edge for edge in self._by_source.get(node, ()) if not kinds or edge.kind in kinds)

    def entering(self, node: NodeId, *kinds: EdgeKind) -> tuple[Edge, ...]:
        """The edges that end at a node; of all kinds if none is given."""
        return tuple(edge for edge in self._by_target.get(node, ()) if not kinds or edge.kind in kinds)

    def of_kind(self, *kinds: EdgeKind) -> tuple[Edge, ...]:
        return tuple(edge for edge in self.edges if edge.kind in kinds)

    def declared_by(self, stack: str, logical_id: str) -> tuple[Edge, ...]:
        """The edges that a resource creates: a rule, a mapping, a subscription, by its deployed logical id."""
        return tuple(edge for edge in self.edges if edge.via == NodeId(stack, logical_id))

    @cached_property
    def _by_source(self) -> Mapping[NodeId, list[Edge]]:
        return _grouped((edge.source, edge) for edge in self.edges)

    @cached_property
    def _by_target(self) -> Mapping[NodeId, list[Edge]]:
        return _grouped((edge.target, edge) for edge in self.edges)

    def failure_targets(self, edge: Edge) -> tuple[NodeId, ...]:
        """Where an event goes that this edge could not deliver, or whose consumer failed for good.

        An asynchronous event of a function goes to the function's dead-letter queue or failure destination; an event in a
        queue goes to the queue's redrive target.
        """
        found = list(edge.failures)
        if edge.kind != "event_source_mapping":
            for own in self.leaving(edge.target, "dead_letter", "destination", "redrive"):
                if getattr(own.condition, "on", "failure") == "failure":
                    found.append(own.target)
        return tuple(dict.fromkeys(found))

    def place(self, edge: Edge, refusal: Refusal | None = None) -> tuple[Path, int]:
        """File and line of an edge's declaration, or of the part of its pattern that refused the event."""
        if refusal is None or not edge.pattern_location:
            return edge.file, edge.line
        location = edge.pattern_location
        if edge.kind == "event_source_mapping" and refusal.location:
            # A filter's pattern is below its key in the list of filters.
            location = (*location, refusal.location[0], "Pattern", *refusal.location[1:])
        else:
            location = (*location, *refusal.location)
        return edge.file, self._templates[edge.via.stack].line(*location)


def read_topology(
    templates: Sequence[Template],
    *,
    parameters: Mapping[str, Mapping[str, str]] | None = None,
    physical_ids: Mapping[str, Mapping[str, str]] | None = None,
) -> Topology:
    """Read templates, SAM or CloudFormation, into one graph.

    `parameters`, including the known pseudo parameters (AWS::Region), and `physical_ids` are those of a deployment, by stack
    and then by name or logical id; without them parameters have their defaults and nodes no physical id. References to
    another stack are followed through Export and Fn::ImportValue, names and ARNs. Raises TemplateError.
    """
    stacks = [Stack(template, (parameters or {}).get(template.stack, {})) for template in templates]
    wiring = Wiring(stacks, physical_ids or {})
    edges = sorted(_once(read(wiring)), key=_order)
    nodes = {**wiring.nodes, **wiring.external}
    deployed = {NodeId(s, one): given for s, ids in (physical_ids or {}).items() for one, given in ids.items()}
    regions = {stack: given["AWS::Region"] for stack, given in (parameters or {}).items() if "AWS::Region" in given}
    by_stack = {template.stack: template for template in templates}
    return Topology(nodes, edges, by_stack, wiring.by_id, deployed, regions)


def _once(edges: Iterable[Edge]) -> Iterator[Edge]:
    """Without repetitions: a permission may name the same source twice."""
    seen: set[Any] = set()
    for edge in edges:
        key = (edge.kind, edge.source, edge.target, edge.via, edge.line, str(edge.condition))
        if key not in seen:
            seen.add(key)
            yield edge


def _order(edge: Edge) -> tuple[Any, ...]:
    return (edge.via.stack, edge.line, edge.kind, edge.source, edge.target)


def _grouped(pairs: Iterable[tuple[NodeId, Edge]]) -> Mapping[NodeId, list[Edge]]:
    found: dict[NodeId, list[Edge]] = {}
    for node, edge in pairs:
        found.setdefault(node, []).append(edge)
    return found
