"""A constraint that a request breaks, and how AWS shows the value that breaks it."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

SHOWN_CHARACTERS = 1024
"""Of a value in a message. AWS shows all of it."""
_ALSO_SENSITIVE = frozenset({"PutRecordsRequestEntry"})
"""Shapes whose values AWS does not show although its model does not mark them: what customers put into Kinesis."""
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that an answer in XML cannot hold: clients could not read it (https://www.w3.org/TR/xml/#charsets)."""


class ViolationKind(Enum):
    MISSING = auto()
    PATTERN = auto()
    LENGTH = auto()
    RANGE = auto()
    ENUM = auto()


@dataclass(frozen=True, slots=True)
class Violation:
    """`path` is written as AWS does: `targets.1.member.id`. `member` is the parameter at its root as the model spells it."""

    kind: ViolationKind
    member: str
    path: str
    shown: str | None
    """The value; None where the model marks it as sensitive."""
    constraint: str
    shape: Shape

    @property
    def message(self) -> str:
        value = "Value" if self.shown is None else f"Value {self.shown}"
        return f"{value} at '{self.path}' failed to satisfy constraint: {self.constraint}"


def shown(shape: Shape, value: Any) -> str | None:
    if value is None:
        return "null"
    if shape.metadata.get("sensitive") or _holds_sensitive(shape):
        return None
    text = _NOT_IN_XML.sub("?", as_java(shape, value))
    return f"'{text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + '...'}'"


def as_java(shape: Shape, value: Any) -> str:
    """A value as Java's toString has it: `[PutEventsRequestEntry(time=null, source=orders)]`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = (f"{lower_first(n)}={as_java(member, value.get(n))}" for n, member in shape.members.items())
        return f"{shape.name}({', '.join(members)})"
    if isinstance(shape, ListShape) and isinstance(value, list):
        return f"[{', '.join(as_java(shape.member, item) for item in value[:20])}]"
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return "{" + ", ".join(f"{key}={as_java(shape.value, item)}" for key, item in value.items()) + "}"
    if isinstance(value, bytes | bytearray):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)


def _holds_sensitive(shape: Shape) -> bool:
    if shape.name in _ALSO_SENSITIVE:
        return True
    if isinstance(shape, ListShape):
        return bool(shape.member.metadata.get("sensitive")) or shape.member.name in _ALSO_SENSITIVE
    if isinstance(shape, MapShape):
        return bool(shape.value.metadata.get("sensitive") or shape.key.metadata.get("sensitive"))
    if isinstance(shape, StructureShape):
        return any(member.metadata.get("sensitive") for member in shape.members.values())
    return False


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
