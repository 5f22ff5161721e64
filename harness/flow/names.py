"""The name of a resource: as its template declares it, else the name in its ARN or URL."""

from collections.abc import Callable

from harness.topology import Topology, identifiers

Names = Callable[[str], str]
"""Returns the name of a resource, by its ARN, URL or physical id; "" for ""."""


def names(topology: Topology) -> Names:
    """By the templates: "stack.LogicalId" if one declares the resource, else the name in its ARN or URL."""

    def name(resource: str) -> str:
        declared = topology.declared_as(resource)
        if declared is None and resource.rpartition(":")[2] in ("$LATEST", "destination"):
            return name(resource.rpartition(":")[0])
        return str(declared or short_name(resource))

    return name


def short_name(resource: str) -> str:
    """The name in an ARN or URL; any other text unchanged."""
    found = next((identifier.name for identifier in identifiers(resource)), "")
    if found or not resource.startswith("arn:"):
        return found or resource
    return resource.split(":", 5)[-1].rpartition("/")[2]
