"""Resource types that LocalStack has: how a resource is changed, and which properties its creation ignores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.emulator.cloudformation.left_out import IGNORED, PARAMETERS, Parameter
from harness.emulator.cloudformation.updates import CHANGES, TypeUpdate


@dataclass(frozen=True, slots=True)
class KnownType:
    """`parameters` are added to the calls that LocalStack's provider makes, by property; `ignored` are the properties that
    have no effect, with the values that mean what is done anyway."""

    name: str
    change: TypeUpdate | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    ignored: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def know(*types: KnownType) -> None:
    for each in types:
        if each.change is not None:
            CHANGES[each.name] = each.change
        if each.parameters:
            PARAMETERS[each.name] = each.parameters
        if each.ignored:
            IGNORED[each.name] = each.ignored
