"""A resource type: one row of data over the operations of a service's API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Model = dict[str, Any]
"""The resource's properties, with its attributes once it exists."""


@dataclass(frozen=True, slots=True)
class ResourceOperation:
    """An API operation, and which parameters identify the resource: parameter → property or attribute."""

    name: str
    identifiers: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResourceType:
    """How resources of one type are made, changed and removed.

    `ref` is the property or attribute that `Ref` returns. `attributes` are those of `Fn::GetAtt`: attribute → JMESPath
    over the answer of `create`. `renames`: property → parameter, where they differ. `generated_name` is the property
    that gets a unique name when the template gives none, of at most 32 characters where it is a `short_name`.
    `replaced_by` are the properties whose change makes a new resource. `extra` are properties that no parameter of
    `create` takes and that `finish` sees to;
    `finish_updates` are those whose change `finish` alone can make. `reshape` turns
    properties into what the API has in another shape. `finish(client, before, after)` does after a create (`before`
    is None) or an update what takes further calls; it may add attributes to `after`.
    `complete(model, account_id, region)`
    adds the attributes `completed`, which no answer has. `gone` are the errors of a
    resource that is already deleted.
    """

    name: str
    service: str
    create: ResourceOperation
    delete: ResourceOperation
    ref: str
    update: ResourceOperation | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    generated_name: str | None = None
    short_name: bool = False
    replaced_by: frozenset[str] = frozenset()
    extra: frozenset[str] = frozenset()
    finish_updates: frozenset[str] = frozenset()
    reshape: Callable[[Model], Model] | None = None
    finish: Callable[[Any, Model | None, Model], None] | None = None
    completed: frozenset[str] = frozenset()
    complete: Callable[[Model, str, str], Model] | None = None
    gone: tuple[str, ...] = ("ResourceNotFoundException", "UserNotFoundException")

    @property
    def computed(self) -> frozenset[str]:
        """Attributes that the resource has only once it exists."""
        return frozenset(self.attributes) | self.completed
