"""How a person calls a resource: as its template does, else by its name."""

from collections.abc import Callable

from harness.flow.explain.evidence import name_of
from harness.topology import Topology


def names(topology: Topology) -> Callable[[str], str]:
    """What a resource is called, by its ARN, URL or physical id: "stack.LogicalId" where a template declares it."""
    return lambda resource: str(topology.declared_as(resource) or name_of(resource))
