"""The nodes of the topology: the kind of each resource type, in the terms of the field."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import aws

KINDS: Mapping[str, str] = {type_: kind.kind for type_, kind in aws.TYPES.items() if kind.kind}
"""The resource types that are nodes. Others connect nodes, or have no part in the path of an event."""

NAMES: Mapping[str, str] = {name: kind.name_property for name, kind in aws.KINDS.items() if kind.name_property}
"""The property that gives a resource its name, by kind."""


@dataclass(frozen=True, order=True, slots=True)
class NodeId:
    """A resource: its stack and its logical id. A resource that no template declares has the stack ""."""

    stack: str
    logical_id: str

    def __str__(self) -> str:
        return f"{self.stack}.{self.logical_id}" if self.stack else self.logical_id


@dataclass(frozen=True, slots=True)
class Node:
    """A resource of a template, or an external one that a template names (kind "external", no file)."""

    id: NodeId
    kind: str
    """A value of KINDS, "websocket_api" or "external"."""
    type: str
    """Its CloudFormation type after deployment; "" if it is external."""
    file: Path | None = None
    line: int = 0
    name: str | None = None
    """The name in the template, if it is known without deploying."""
    physical_id: str | None = None

    @property
    def stack(self) -> str:
        return self.id.stack

    @property
    def logical_id(self) -> str:
        return self.id.logical_id


def kind_of(resource_type: str, protocol: str = "") -> str | None:
    """The kind of node of a resource type; None for a type that is no node. `protocol` is that of an API Gateway v2 API."""
    if resource_type.startswith("Custom::"):
        return "custom_resource"
    kind = KINDS.get(resource_type)
    return "websocket_api" if kind == "http_api" and protocol.upper() == "WEBSOCKET" else kind
