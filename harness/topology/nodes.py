"""The nodes of the topology: what a resource type is, in the words of the field."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import aws

KINDS: Mapping[str, str] = {type_: kind.kind for type_, kind in aws.TYPES.items() if kind.kind}
"""The resource types that are nodes. The others wire nodes together, or take no part in how an event travels."""

NAMES: Mapping[str, str] = {name: kind.name_property for name, kind in aws.KINDS.items() if kind.name_property}
"""The property that gives a resource a name of its own, by kind."""


@dataclass(frozen=True, order=True, slots=True)
class NodeId:
    """A resource: its stack and its logical id. What no template declares has the stack ""."""

    stack: str
    logical_id: str

    def __str__(self) -> str:
        return f"{self.stack}.{self.logical_id}" if self.stack else self.logical_id


@dataclass(frozen=True, slots=True)
class Node:
    """A resource of a template, or something outside that a template names (kind "external", no file)."""

    id: NodeId
    kind: str
    """A value of KINDS, "websocket_api" or "external"."""
    type: str
    """The CloudFormation type it has once deployed; "" where it is outside."""
    file: Path | None = None
    line: int = 0
    name: str | None = None
    """The name that the template gives it, where that is known without deploying."""
    physical_id: str | None = None

    @property
    def stack(self) -> str:
        return self.id.stack

    @property
    def logical_id(self) -> str:
        return self.id.logical_id


def kind_of(resource_type: str, protocol: str = "") -> str | None:
    """The kind of node that a resource type is; None for what is no node. `protocol` is that of an API Gateway v2 API."""
    if resource_type.startswith("Custom::"):
        return "custom_resource"
    kind = KINDS.get(resource_type)
    return "websocket_api" if kind == "http_api" and protocol.upper() == "WEBSOCKET" else kind
