"""Reads templates: documents with line numbers, references between their parts, values known without deploying, and the
graph of what is connected to what, on which condition.

This package only reads files: it knows no engine, no AWS API, and no other part of the harness. The languages of the
conditions are in `patterns`; `read_topology` builds the graph.
"""

from harness.topology.document import Document, Location, read_document
from harness.topology.edges import Edge
from harness.topology.graph import Topology, read_topology
from harness.topology.identifiers import Identifier, identifiers
from harness.topology.intrinsics import NotStaticError, Scope, evaluate
from harness.topology.nodes import Node, NodeId
from harness.topology.references import Reference, references
from harness.topology.template import Template

__all__ = [
    "Document",
    "Edge",
    "Identifier",
    "Location",
    "Node",
    "NodeId",
    "NotStaticError",
    "Reference",
    "Scope",
    "Template",
    "Topology",
    "evaluate",
    "identifiers",
    "read_document",
    "read_topology",
    "references",
]
