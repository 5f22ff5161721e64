"""What tests of the graph read of it, and a function that templates name."""

from harness.topology import Topology

FUNCTION = """
  Work: {Type: AWS::Lambda::Function, Properties: {FunctionName: work}}
"""


def edges(topology: Topology, *kinds: str) -> list[tuple[str, str, object]]:
    return [(str(edge.source), str(edge.target), edge.condition) for edge in topology.of_kind(*kinds)]


def only(topology: Topology, kind: str):
    [edge] = topology.of_kind(kind)
    return edge
